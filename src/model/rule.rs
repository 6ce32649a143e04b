//! The kinds of problems, by names that stay: code hosts tell by them which alert is which.

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The text is no TOML.
    Syntax,
    /// A key that nothing reads.
    UnknownKey,
    /// A key that has to be there.
    MissingKey,
    /// A value of another type.
    WrongType,
    /// A value that is not allowed, or not together with others.
    InvalidValue,
    /// A secret that is written out.
    LiteralSecret,
    /// One thing that is declared more than once.
    DeclaredTwice,
    /// A file or folder that cannot be read.
    Unreadable,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 8] = [
        Rule::Syntax,
        Rule::UnknownKey,
        Rule::MissingKey,
        Rule::WrongType,
        Rule::InvalidValue,
        Rule::LiteralSecret,
        Rule::DeclaredTwice,
        Rule::Unreadable,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Syntax => "syntax",
            Rule::UnknownKey => "unknown-key",
            Rule::MissingKey => "missing-key",
            Rule::WrongType => "wrong-type",
            Rule::InvalidValue => "invalid-value",
            Rule::LiteralSecret => "literal-secret",
            Rule::DeclaredTwice => "declared-twice",
            Rule::Unreadable => "unreadable",
        }
    }

    /// What it is about, in a sentence.
    pub fn doc(self) -> &'static str {
        match self {
            Rule::Syntax => "The file is not valid TOML.",
            Rule::UnknownKey => "A key is not known where it stands.",
            Rule::MissingKey => "A key is missing that has to be there.",
            Rule::WrongType => "A value has another type than its key takes.",
            Rule::InvalidValue => "A value is not allowed, or not together with others.",
            Rule::LiteralSecret => "A secret is written out.",
            Rule::DeclaredTwice => "One thing is declared more than once.",
            Rule::Unreadable => "A file or folder cannot be read.",
        }
    }

    /// How it is mended as a rule.
    pub fn help(self) -> &'static str {
        match self {
            Rule::Syntax => "Mend the text at the place that is named. Nothing of the file is applied until then.",
            Rule::UnknownKey => "Correct the name of the key, or remove it.",
            Rule::MissingKey => "Add the key.",
            Rule::WrongType => "Write a value of the type that the key takes.",
            Rule::InvalidValue => "Write a value that is allowed here.",
            Rule::LiteralSecret => {
                "Refer to the secret: { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }. What was \
                 committed is no secret any more: replace it."
            }
            Rule::DeclaredTwice => "Remove one of the two.",
            Rule::Unreadable => "Put a readable file or folder of manifests there, or remove it.",
        }
    }
}
