//! Container image references: `registry:port/path/repo:tag@sha256:...`, any of registry, port, tag and digest absent.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::{Error, ImageTag, Result};

/// A parsed image reference that renders back to the same text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// Registry, path and repository: everything before the tag.
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageReference {
    /// Registry, path and repository: all that stands before tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The registry with its port. Docker's rule: the first of several path segments is a registry if it has a dot or a
    /// colon, or is `localhost`.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        let (first, _) = self.repository.split_once('/')?;
        (first.contains(['.', ':']) || first == "localhost").then_some(first)
    }

    /// The last path segment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.repository.rsplit_once('/').map_or(&self.repository, |(_, name)| name)
    }

    /// The tag, where there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest with its algorithm, where there is one.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same repository at another tag. A digest is dropped: it would win over the tag, and the old image would run.
    #[must_use]
    pub fn at_tag(&self, tag: &ImageTag) -> Self {
        Self { repository: self.repository.clone(), tag: Some(tag.as_str().to_owned()), digest: None }
    }

    /// The same repository pinned to a digest (`sha256:` and 64 hexadecimal digits), without a tag.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the digest is not one.
    pub fn at_digest(&self, digest: &str) -> Result<Self> {
        check_digest(digest, digest)?;
        Ok(Self { repository: self.repository.clone(), tag: None, digest: Some(digest.to_owned()) })
    }

    /// The same repository and tag, pinned to a digest: the digest decides what runs, and the tag tells people what that is.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the digest is not one.
    pub fn pinned_to(&self, digest: &str) -> Result<Self> {
        Ok(Self { tag: self.tag.clone(), ..self.at_digest(digest)? })
    }
}

impl FromStr for ImageReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon after the last slash begins the tag; one before it belongs to the registry's port.
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[name_start..].find(':') {
            Some(colon) => (&rest[..name_start + colon], Some(&rest[name_start + colon + 1..])),
            None => (rest, None),
        };
        if let Some(digest) = digest {
            check_digest(text, digest)?;
        }
        if let Some(tag) = tag {
            tag.parse::<ImageTag>()
                .map_err(|error| invalid(text, error.detail().reason.replace("is ", "its tag is ")))?;
        }
        check_repository(text, repository)?;
        Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }
}

fn check_repository(text: &str, repository: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    if repository.is_empty() {
        Err(invalid(text, "has no repository"))
    } else if repository.split('/').any(str::is_empty) {
        Err(invalid(text, "has an empty path segment"))
    } else if let Some(bad) = repository.chars().find(|c| !allowed(*c)) {
        Err(invalid(text, format!("contains {bad:?}")))
    } else {
        Ok(())
    }
}

fn check_digest(text: &str, digest: &str) -> Result<()> {
    let valid = digest.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if valid { Ok(()) } else { Err(invalid(text, "its digest is not `algorithm:hex`")) }
}

fn invalid(text: &str, reason: impl Into<String>) -> Error {
    Error::invalid("", format!("image reference {text:?}"), reason)
        .with_hint("write `registry/repository:tag` or `registry/repository@sha256:...`")
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl Serialize for ImageReference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How the image of a container is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageChange {
    /// Keep the repository, replace tag or digest by this tag.
    Tag(ImageTag),
    /// Use this whole reference.
    Reference(ImageReference),
    /// Leave the image as it is.
    Keep,
}

impl ImageChange {
    /// The image that a container with `current` gets.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `current` has to be parsed and is no image reference.
    pub fn apply(&self, current: &str) -> Result<String> {
        match self {
            Self::Keep => Ok(current.to_owned()),
            Self::Reference(reference) => Ok(reference.to_string()),
            Self::Tag(tag) => Ok(current.parse::<ImageReference>()?.at_tag(tag).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parse(text: &str) -> ImageReference {
        text.parse().expect(text)
    }

    #[test]
    fn every_part_may_be_missing() {
        let full = parse(&format!("localhost:5000/team/app:v1@{DIGEST}"));
        assert_eq!((full.registry(), full.name()), (Some("localhost:5000"), "app"));
        assert_eq!((full.tag(), full.digest()), (Some("v1"), Some(DIGEST)));
        let bare = parse("redis");
        assert_eq!((bare.registry(), bare.tag(), bare.digest()), (None, None, None));
        assert_eq!(parse("library/redis").registry(), None);
        assert_eq!(parse("localhost:5000/app").tag(), None);
    }

    #[test]
    fn a_tag_replaces_tag_and_digest_and_keeps_the_repository() {
        let change = ImageChange::Tag("v2".parse().expect("a tag"));
        for (before, after) in [
            ("host:5000/a/b:v1".to_owned(), "host:5000/a/b:v2"),
            ("host:5000/a/b".to_owned(), "host:5000/a/b:v2"),
            (format!("a/b@{DIGEST}"), "a/b:v2"),
            (format!("a/b:v1@{DIGEST}"), "a/b:v2"),
        ] {
            assert_eq!(change.apply(&before).expect("valid"), after);
        }
    }

    #[test]
    fn a_pinned_image_keeps_the_tag_that_people_read() {
        let pinned = parse("host:5000/a/b:v1").pinned_to(DIGEST).expect("valid");
        assert_eq!(pinned.to_string(), format!("host:5000/a/b:v1@{DIGEST}"));
        assert_eq!(parse(&format!("a/b@{DIGEST}")).pinned_to(DIGEST).expect("valid").tag(), None);
        assert!(parse("a/b:v1").pinned_to("v1").is_err());
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for bad in ["", ":v1", "a//b", "a b", "a:", "a@sha256:xyz", "a@", "/a", "a/"] {
            let error = bad.parse::<ImageReference>().expect_err(bad);
            assert!(matches!(error, Error::Invalid(_)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn display_gives_back_what_was_parsed(
            registry in prop::option::of("[a-z]{1,8}\\.[a-z]{2,3}(:[0-9]{1,5})?"),
            path in "[a-z0-9]{1,8}(/[a-z0-9_-]{1,8}){0,3}",
            tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
            digest in prop::option::of("sha256:[0-9a-f]{64}"),
        ) {
            let mut text = registry.map(|r| format!("{r}/")).unwrap_or_default() + &path;
            if let Some(tag) = tag { text += &format!(":{tag}"); }
            if let Some(digest) = digest { text += &format!("@{digest}"); }
            prop_assert_eq!(parse(&text).to_string(), text);
        }

        #[test]
        fn no_input_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<ImageReference>();
        }
    }
}
