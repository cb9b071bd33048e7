//! Form: which index a stanza is for.

/// Which index the stanzas are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// `Packages` with whole descriptions.
    #[default]
    Whole,
    /// `Packages` whose long descriptions are in a `Translation`: a stanza with Description-md5 has
    /// one line of Description.
    Short,
    /// `Packages` of the installer: only `.udeb`, because apt would install them from other
    /// indices.
    Installer,
}
