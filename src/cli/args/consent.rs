//! Consent: which commands may have to ask before they change something.

use super::{
    AccessCommand, AuditCommand, Command, CrlCommand, GroupCommand, HealthCommand, HostCommand,
    IdentityCommand, KeyCommand, RestoredCommand, RolloutCommand, SuiteCommand, YesArg,
};

/// The effect of a command on others. The whole list is in docs/questions.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// It changes nothing.
    Reads,
    /// It changes only what it names, and one command undoes it.
    Plain,
    /// It asks, always or when it affects more than it names.
    Asks {
        /// Whether `--yes` was given.
        yes: bool,
    },
}

impl From<YesArg> for Consent {
    fn from(sure: YesArg) -> Self {
        Self::Asks { yes: sure.yes }
    }
}

impl Command {
    /// Whether the command may have to ask. There is no other list: a new command has to be added
    /// here.
    pub fn consent(&self) -> Consent {
        match self {
            Self::Suite(command) => command.consent(),
            Self::Pin(args) => args.how.sure.into(),
            Self::Unpin(args) => args.how.sure.into(),
            Self::Promote(args) => args.how.sure.into(),
            Self::Remove(args) => args.how.sure.into(),
            Self::Yank(args) => args.how.sure.into(),
            Self::Release(args) => args.how.sure.into(),
            Self::Gc(args) => args.sure.into(),
            Self::Rollout(command) => command.consent(),
            Self::Host(command) => command.consent(),
            Self::Identity(command) => command.consent(),
            Self::Key(command) => command.consent(),
            Self::Access(command) => command.consent(),
            Self::Apply(args) => args.sure.into(),
            // A rollback takes an upload back; the CA's next list replaces a list.
            Self::Upload(_) | Self::Crl(CrlCommand::Put(_)) => Consent::Plain,
            // A release undoes it.
            Self::Hold(_) => Consent::Plain,
            Self::Audit(args) => match &args.command {
                None | Some(AuditCommand::Verify(_) | AuditCommand::Checkpoint) => Consent::Reads,
            },
            // One command undoes the other; the checks of this host change nothing.
            Self::Health(HealthCommand::Ignore(_) | HealthCommand::Unignore(_)) => Consent::Plain,
            Self::Health(HealthCommand::Run(_)) => Consent::Reads,
            // It ends warnings; the log keeps what they said.
            Self::Restored(args) => match &args.command {
                Some(RestoredCommand::Acknowledge(_)) => Consent::Plain,
                None => Consent::Reads,
            },
            Self::Crl(CrlCommand::Show)
            | Self::List(_)
            | Self::Search(_)
            | Self::Show(_)
            | Self::History(_)
            | Self::Diff(_)
            | Self::Pins(_)
            | Self::Yanks
            | Self::WhoHas(_)
            | Self::Fleet(_)
            | Self::Status
            | Self::Whoami
            | Self::Completions { .. }
            | Self::Man { .. } => Consent::Reads,
        }
    }
}

impl SuiteCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Create(_) => Consent::Plain,
            Self::Edit(args) => args.sure.into(),
            Self::Remove(args) => args.sure.into(),
            Self::Redate(args) => args.sure.into(),
            Self::List | Self::Show(_) => Consent::Reads,
        }
    }
}

impl RolloutCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Start(args) => args.how.sure.into(),
            Self::Advance(args) => args.how.sure.into(),
            Self::Abort(args) => args.how.sure.into(),
            // Each undoes the other.
            Self::Pause(_) | Self::Resume(_) => Consent::Plain,
            Self::Status(_) => Consent::Reads,
        }
    }
}

impl HostCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Issue(args) => args.how.sure.into(),
            Self::Token(args) => args.sure.into(),
            Self::Grant(args) => args.sure.into(),
            Self::Revoke(args) => args.sure.into(),
            // On the host itself, for itself.
            Self::Enroll(_) | Self::Renew(_) => Consent::Plain,
            // They alter nothing but this machine; a report says what is there.
            Self::Setup(_)
            | Self::Refresh(_)
            | Self::Report(_)
            | Self::List(_)
            | Self::Show { .. } => Consent::Reads,
        }
    }
}

impl IdentityCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Issue(args) => args.how.sure.into(),
            Self::Grant(args) => args.sure.into(),
            Self::Revoke(args) => args.sure.into(),
            Self::List { .. } => Consent::Reads,
        }
    }
}

impl KeyCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Retire(args) => args.sure.into(),
            // A new key signs beside the others until it is retired.
            Self::Rotate(_) | Self::Add(_) | Self::Publish(_) => Consent::Plain,
            Self::List | Self::Status => Consent::Reads,
        }
    }
}

impl AccessCommand {
    fn consent(&self) -> Consent {
        match self {
            Self::Revoke(args) => args.sure.into(),
            Self::Group(GroupCommand::Remove(args)) => args.sure.into(),
            Self::Grant(_) | Self::Group(GroupCommand::Add(_)) => Consent::Plain,
            Self::Group(GroupCommand::List | GroupCommand::Show { .. })
            | Self::List(_)
            | Self::Explain(_)
            | Self::Export => Consent::Reads,
        }
    }
}
