//! Why: which commands change something, and the reason in them.

use super::{
    AccessCommand, AuditCommand, Command, CrlCommand, GroupCommand, HealthCommand, HostCommand,
    IdentityCommand, KeyCommand, MessageArg, RestoredCommand, RolloutCommand, SuiteCommand,
};

impl Command {
    /// The reason of a command that changes something; `None` for one that only reads, or writes
    /// only on this machine. There is no other list: a new command has to be added here.
    pub fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Suite(command) => command.why(),
            Self::Upload(args) => Some(&args.why),
            Self::Pin(args) => Some(&args.how.why),
            Self::Unpin(args) => Some(&args.how.why),
            Self::Promote(args) => Some(&args.how.why),
            Self::Remove(args) => Some(&args.how.why),
            Self::Yank(args) => Some(&args.how.why),
            Self::Hold(args) => Some(&args.why),
            Self::Gc(args) => Some(&args.why),
            Self::Release(args) => Some(&args.how.why),
            Self::Rollout(command) => command.why(),
            Self::Host(command) => command.why(),
            Self::Identity(command) => command.why(),
            Self::Key(command) => command.why(),
            Self::Crl(CrlCommand::Put(args)) => Some(&args.why),
            Self::Access(command) => command.why(),
            Self::Apply(args) => Some(&args.why),
            Self::Health(HealthCommand::Ignore(args)) => Some(&args.why),
            Self::Health(HealthCommand::Unignore(args)) => Some(&args.why),
            Self::Health(HealthCommand::Run(_)) => None,
            // A checkpoint covers the whole log, so a line about it would be beyond the checkpoint.
            Self::Audit(args) => match &args.command {
                None | Some(AuditCommand::Verify(_) | AuditCommand::Checkpoint) => None,
            },
            Self::Restored(args) => match &args.command {
                Some(RestoredCommand::Acknowledge(args)) => Some(&args.why),
                None => None,
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
            | Self::Man { .. } => None,
        }
    }
}

impl SuiteCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Create(args) => Some(&args.why),
            Self::Edit(args) => Some(&args.why),
            Self::Remove(args) => Some(&args.why),
            Self::Redate(args) => Some(&args.why),
            Self::List | Self::Show(_) => None,
        }
    }
}

impl RolloutCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Start(args) => Some(&args.how.why),
            Self::Advance(args) => Some(&args.how.why),
            Self::Abort(args) => Some(&args.how.why),
            Self::Pause(args) | Self::Resume(args) => Some(&args.why),
            Self::Status(_) => None,
        }
    }
}

impl HostCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Issue(args) => Some(&args.how.why),
            Self::Token(args) => Some(&args.why),
            Self::Enroll(args) => Some(&args.why),
            Self::Renew(args) => Some(&args.why),
            Self::Grant(args) => Some(&args.why),
            Self::Revoke(args) => Some(&args.why),
            Self::Setup(_)
            | Self::Refresh(_)
            | Self::Report(_)
            | Self::List(_)
            | Self::Show { .. } => None,
        }
    }
}

impl IdentityCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Issue(args) => Some(&args.how.why),
            Self::Grant(args) => Some(&args.why),
            Self::Revoke(args) => Some(&args.why),
            Self::List { .. } => None,
        }
    }
}

impl KeyCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Rotate(args) => Some(&args.why),
            Self::Add(args) => Some(&args.why),
            Self::Retire(args) => Some(&args.why),
            Self::Publish(args) => Some(&args.why),
            Self::List | Self::Status => None,
        }
    }
}

impl AccessCommand {
    fn why(&self) -> Option<&MessageArg> {
        match self {
            Self::Grant(args) => Some(&args.why),
            Self::Revoke(args) => Some(&args.why),
            Self::Group(GroupCommand::Add(args)) => Some(&args.why),
            Self::Group(GroupCommand::Remove(args)) => Some(&args.why),
            Self::Group(GroupCommand::List | GroupCommand::Show { .. })
            | Self::List(_)
            | Self::Explain(_)
            | Self::Export => None,
        }
    }
}
