//! The words of one statement, as far as a judgement of it needs them.

/// A token of SQL. Comments and white space are no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A key word or a name without quotes.
    Word(&'a str),
    /// A name between double quotes, with them.
    Quoted(&'a str),
    /// A string, a number, or a sign.
    Other(&'a str),
}

impl<'a> Token<'a> {
    /// Whether it is this key word; `keyword` in capitals.
    pub(crate) fn is(self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Quoted(text) | Self::Other(text) => text,
        }
    }
}

/// The tokens of `sql`, which is one whole statement.
pub(crate) fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { rest: sql }
}

/// Whether `sql` begins with these key words, in capitals.
pub(crate) fn begins_with(sql: &str, keywords: &[&str]) -> bool {
    let mut tokens = tokens(sql);
    keywords.iter().all(|keyword| tokens.next().is_some_and(|token| token.is(keyword)))
}

/// A name with its schema, as it stands at the beginning of `tokens`.
pub(crate) fn qualified_name(tokens: Tokens<'_>) -> String {
    let mut name = String::new();
    let mut wants_part = true;
    for token in tokens {
        let is_dot = token == Token::Other(".");
        if is_dot == wants_part || !is_dot && matches!(token, Token::Other(_)) {
            break;
        }
        name.push_str(token.text());
        wants_part = is_dot;
    }
    name
}

/// The beginning of a statement for people: no values, nothing long.
pub(crate) fn head(sql: &str) -> String {
    const LONGEST: usize = 60;
    let mut head = String::new();
    for token in tokens(sql) {
        let text = token.text();
        let ends = matches!(token, Token::Other(text) if text != "." && text != ",");
        if ends || ["AS", "IS", "VALUES"].iter().any(|word| token.is(word)) || head.len() + text.len() > LONGEST {
            break;
        }
        if !head.is_empty() && text != "." && text != "," && !head.ends_with('.') {
            head.push(' ');
        }
        head.push_str(text);
    }
    head
}

/// An iterator over the tokens of a statement.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let mut length = length.min(self.rest.len());
        while !self.rest.is_char_boundary(length) {
            length += 1;
        }
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let length = match self.rest.as_bytes() {
                [b'-', b'-', ..] => self.rest.find('\n').unwrap_or(self.rest.len()),
                [b'/', b'*', ..] => block_comment(self.rest.as_bytes()),
                _ => return,
            };
            self.take(length);
        }
    }

    fn word_length(&self) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        self.rest.bytes().take_while(is_part).count()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let bytes = self.rest.as_bytes();
        Some(match *bytes.first()? {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Token::Word(self.take(self.word_length())),
            b'0'..=b'9' => Token::Other(self.take(self.word_length())),
            b'"' => Token::Quoted(self.take(quoted(bytes, b'"'))),
            b'\'' => Token::Other(self.take(quoted(bytes, b'\''))),
            _ => Token::Other(self.take(1)),
        })
    }
}

/// The length of what begins with a quote, with both quotes. Escapes by a backslash do not matter here: no judgement
/// looks beyond a string.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(quote, rest)) {
        at += found + 1;
        if bytes.get(at) != Some(&quote) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_names_and_comments_are_told_apart() {
        let texts: Vec<&str> = tokens("/* a /* b */ */ COPY -- x\n a.\"B \"\"c\"(d)").map(Token::text).collect();
        assert_eq!(texts, ["COPY", "a", ".", "\"B \"\"c\"", "(", "d", ")"]);
    }

    #[test]
    fn a_head_shows_no_values() {
        assert_eq!(head("INSERT INTO public.\"T b\" VALUES ('secret');"), "INSERT INTO public.\"T b\"");
        assert_eq!(
            head("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT x CHECK (1)"),
            "ALTER TABLE ONLY public.t ADD CONSTRAINT x CHECK"
        );
        assert_eq!(head("COMMENT ON TABLE a IS 'b'"), "COMMENT ON TABLE a");
    }

    #[test]
    fn a_name_keeps_its_schema() {
        assert_eq!(qualified_name(tokens("public.\"T b\" (a, b)")), "public.\"T b\"");
        assert_eq!(qualified_name(tokens("t FROM stdin")), "t");
    }

    proptest! {
        #[test]
        fn anything_ends(sql in r#"[a-z'"$/*\-\n ;äö.()0-9\\]{0,60}"#) {
            let length: usize = tokens(&sql).map(|token| token.text().len()).sum();
            prop_assert!(length <= sql.len());
            head(&sql);
        }
    }
}
