//! What `known_hosts` files say about a host: pure, and as OpenSSH reads them. See
//! <https://man.openbsd.org/sshd#SSH_KNOWN_HOSTS_FILE_FORMAT>.

use std::fmt;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use ring::hmac;
use russh::keys::{Algorithm, PublicKey, parse_public_key_base64};

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What the files say about a key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the host's key.
    Known,
    /// They say nothing about the host.
    Unknown,
    /// The host has another key of the same kind.
    Changed(Place),
    /// The host is known by keys of other kinds only.
    OtherKind(Place),
    /// The key is to be trusted no more.
    Revoked(Place),
}

/// Several files, one after the other.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    revoked: bool,
    hosts: Hosts,
    key: PublicKey,
    place: Place,
}

#[derive(Debug)]
enum Hosts {
    Patterns(String),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

impl KnownHosts {
    /// Adds the entries of a file. Lines that nobody could use are passed over, as OpenSSH does.
    pub(crate) fn add(&mut self, file: &Path, text: &str) {
        let entries = text
            .lines()
            .enumerate()
            .filter_map(|(index, line)| Entry::parse(line, Place { file: file.to_owned(), line: index + 1 }));
        self.entries.extend(entries);
    }

    /// What the entries say about `key`, shown by `host` on `port`.
    pub(crate) fn judge(&self, host: &str, port: u16, key: &PublicKey) -> Verdict {
        let names = names(host, port);
        let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
        let revoked = |entry: &&Entry| entry.revoked && entry.hosts.any(&names);
        if let Some(entry) = self.entries.iter().filter(revoked).find(same) {
            return Verdict::Revoked(entry.place.clone());
        }
        // As OpenSSH: a key of the host without a port will do, but one that differs there says nothing about this port.
        if names.iter().any(|name| self.of(name).any(|entry| same(&entry))) {
            return Verdict::Known;
        }
        let own = || self.of(&names[0]);
        match own().find(|entry| entry.key.algorithm() == key.algorithm()) {
            Some(entry) => Verdict::Changed(entry.place.clone()),
            None => own().next().map_or(Verdict::Unknown, |entry| Verdict::OtherKind(entry.place.clone())),
        }
    }

    /// The kinds of keys that the host is known by, in the order of the entries.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let names = names(host, port);
        let mut algorithms = Vec::new();
        for entry in names.iter().flat_map(|name| self.of(name)) {
            let algorithm = entry.key.algorithm();
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| !entry.revoked && entry.hosts.matches(name))
    }
}

impl Entry {
    fn parse(line: &str, place: Place) -> Option<Self> {
        let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
        let mut first = fields.next().filter(|field| !field.starts_with('#'))?;
        let marker = first.starts_with('@').then_some(first);
        let revoked = match marker {
            None => false,
            Some("@revoked") => true,
            // An authority signs certificates, which are not asked for.
            Some(_) => return None,
        };
        if marker.is_some() {
            first = fields.next()?;
        }
        let kind = fields.next()?;
        let key = parse_public_key_base64(fields.next()?.trim_end_matches('\r')).ok()?;
        let hosts = Hosts::parse(first)?;
        (key.algorithm().as_str() == kind).then_some(Self { revoked, hosts, key, place })
    }
}

impl Hosts {
    fn parse(field: &str) -> Option<Self> {
        let Some(hashed) = field.strip_prefix("|1|") else { return Some(Self::Patterns(field.to_lowercase())) };
        let (salt, hash) = hashed.split_once('|')?;
        Some(Self::Hashed { salt: BASE64.decode(salt.as_bytes()).ok()?, hash: BASE64.decode(hash.as_bytes()).ok()? })
    }

    fn any(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.matches(name))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
            Self::Patterns(patterns) => {
                let (negated, wanted): (Vec<&str>, Vec<&str>) =
                    patterns.split(',').partition(|pattern| pattern.starts_with('!'));
                !negated.iter().any(|pattern| glob(&pattern[1..], name))
                    && wanted.iter().any(|pattern| glob(pattern, name))
            }
        }
    }
}

/// What a host is called in the files: `host`, or `[host]:port` and then `host`.
fn names(host: &str, port: u16) -> Vec<String> {
    let host = host.to_lowercase();
    if port == 22 { vec![host] } else { vec![format!("[{host}]:{port}"), host] }
}

/// What to call a host in a new entry.
pub(crate) fn entry_name(host: &str, port: u16) -> String {
    names(host, port).swap_remove(0)
}

/// Whether `text` matches a pattern in which `*` stands for anything and `?` for one character.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|&c| c == '?' || c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDH1lmpl05FQc9NJ2D1wZci6yQ5H3EGnf3osnq/GHDTu";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBATA9qUcKNYLN6kwj3SYA4iNE8zFOAewpWUgSRGaxZUu9JAPEigPjGDouddoYF+ooDPSPw0+5LvA19Al3Lsl9lM=";

    fn known(text: &str) -> KnownHosts {
        let mut hosts = KnownHosts::default();
        hosts.add(Path::new("known_hosts"), text);
        hosts
    }

    fn key(line: &str) -> PublicKey {
        PublicKey::from_openssh(line).expect("a key")
    }

    fn at(line: usize) -> Place {
        Place { file: "known_hosts".into(), line }
    }

    #[test]
    fn a_key_is_known_by_every_way_of_writing_its_host() {
        for hosts in ["bastion", "other,bastion", "BASTION", "bast*", "b?stion", "*,!other", "[bastion]:22,bastion"] {
            assert_eq!(
                known(&format!("{hosts} {ONE} a comment")).judge("Bastion", 22, &key(ONE)),
                Verdict::Known,
                "{hosts}"
            );
        }
        for hosts in ["bastio", "bastion.example", "*,!bastion", "!other", "[bastion]:2222", "b?tion", ""] {
            assert_eq!(known(&format!("{hosts} {ONE}")).judge("bastion", 22, &key(ONE)), Verdict::Unknown, "{hosts}");
        }
    }

    #[test]
    fn tabs_comments_and_carriage_returns_do_no_harm() {
        let text = format!("# a comment\n\n  bastion\t{}\tcomment\r\nother {ONE}\r\n", ONE.replace(' ', "\t"));
        assert_eq!(known(&text).judge("bastion", 22, &key(ONE)), Verdict::Known);
        assert_eq!(known(&text).judge("other", 22, &key(ONE)), Verdict::Known);
    }

    #[test]
    fn another_key_is_a_change_and_its_line_is_named() {
        let text = format!("# ours\nother {ONE}\nbastion {ONE}\n");
        assert_eq!(known(&text).judge("bastion", 22, &key(TWO)), Verdict::Changed(at(3)));
        // Any one of several keys will do.
        assert_eq!(known(&format!("{text}bastion {TWO}\n")).judge("bastion", 22, &key(TWO)), Verdict::Known);
    }

    #[test]
    fn a_host_known_by_another_kind_of_key_is_not_a_stranger() {
        let hosts = known(&format!("bastion {ECDSA}\n"));
        assert_eq!(hosts.judge("bastion", 22, &key(ONE)), Verdict::OtherKind(at(1)));
        assert_eq!(hosts.algorithms("bastion", 22), [key(ECDSA).algorithm()]);
        assert!(hosts.algorithms("other", 22).is_empty());
    }

    #[test]
    fn a_revoked_key_is_refused_even_where_it_is_listed() {
        let text = format!("bastion {ONE}\n@revoked * {ONE}\n");
        assert_eq!(known(&text).judge("bastion", 22, &key(ONE)), Verdict::Revoked(at(2)));
        assert_eq!(known(&text).judge("bastion", 2222, &key(ONE)), Verdict::Revoked(at(2)));
        assert_eq!(
            known(&format!("bastion {TWO}\n@revoked * {ONE}\n")).judge("bastion", 22, &key(TWO)),
            Verdict::Known
        );
    }

    #[test]
    fn an_authority_vouches_for_no_plain_key() {
        assert_eq!(known(&format!("@cert-authority * {ONE}\n")).judge("bastion", 22, &key(ONE)), Verdict::Unknown);
    }

    #[test]
    fn a_port_is_part_of_the_name() {
        let text = format!("[bastion]:2222 {ONE}\n");
        assert_eq!(known(&text).judge("bastion", 2222, &key(ONE)), Verdict::Known);
        assert_eq!(known(&text).judge("bastion", 2222, &key(TWO)), Verdict::Changed(at(1)));
        assert_eq!(known(&text).judge("bastion", 22, &key(ONE)), Verdict::Unknown);
        // The same key without a port is the host's; another one there says nothing about this port.
        let plain = known(&format!("bastion {ONE}\n"));
        assert_eq!(plain.judge("bastion", 2222, &key(ONE)), Verdict::Known);
        assert_eq!(plain.judge("bastion", 2222, &key(TWO)), Verdict::Unknown);
    }

    #[test]
    fn names_hashed_by_ssh_keygen_match() {
        // Made with `ssh-keygen -H` from `bastion.example` and `[bastion.example]:2222`.
        let text = format!(
            "|1|cXIGQrl0QqDnBZTbabMjoHQB35U=|gVc5Bo02YM68KXAqMmQkMVoFuGg= {ONE}\n|1|1mLYZuvZo0+u0VfYJzSBEE8BbEs=|NZvoXlCBcouye1Y4lj+l+xbaKQo= {TWO}\n"
        );
        let hosts = known(&text);
        assert_eq!(hosts.judge("bastion.example", 22, &key(ONE)), Verdict::Known);
        assert_eq!(hosts.judge("Bastion.Example", 2222, &key(TWO)), Verdict::Known);
        assert_eq!(hosts.judge("bastion.exampl", 22, &key(ONE)), Verdict::Unknown);
    }

    #[test]
    fn a_line_whose_type_and_key_differ_counts_for_nothing() {
        let text = format!("bastion ssh-rsa {}\n", ONE.split(' ').nth(1).expect("a key"));
        assert_eq!(known(&text).judge("bastion", 22, &key(ONE)), Verdict::Unknown);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*", host in "\\PC*", port: u16) {
            known(&text).judge(&host, port, &key(ONE));
        }

        #[test]
        fn lines_that_look_like_entries_do_not_make_it_panic(
            lines in proptest::collection::vec("(@revoked |@cert-authority |@|)([|1!*?\\[\\]:,a-b=]{0,12})[ \t]{0,2}(ssh-ed25519|ssh-rsa|)[ \t]{0,2}[A-Za-z0-9+/=]{0,60}", 0..8),
            port: u16,
        ) {
            known(&lines.join("\n")).judge("b", port, &key(ONE));
        }

        #[test]
        fn a_pattern_without_wildcards_matches_itself_only(one in "[a-z.]{1,8}", two in "[a-z.]{1,8}") {
            prop_assert_eq!(glob(&one, &two), one == two);
            for pattern in ["*".to_owned(), format!("{one}*"), format!("*{one}"), "?".repeat(one.len())] {
                prop_assert!(glob(&pattern, &one));
            }
        }
    }
}
