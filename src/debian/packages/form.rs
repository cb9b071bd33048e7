//! Which of its indices a stanza is for.

/// Which index the stanzas are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// `Packages` with whole descriptions.
    #[default]
    Whole,
    /// `Packages` whose long descriptions stand in a `Translation`: a stanza with Description-md5 has
    /// one line of Description.
    Short,
    /// `Packages` of the installer: `.udeb` and nothing else, because apt would install them.
    Installer,
}
