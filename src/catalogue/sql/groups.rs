//! Groups, their members, and the grants in addition to an identity's own grant.

use std::collections::BTreeMap;

use super::grants::{ADMIT_AGAIN, list_grants};
use super::rows::{json, moment, parse, to_json};
use super::{Answer, Store, Tx, all, audit};
use crate::catalogue::{AccessRecord, CatalogueError, GivenGrant, Groups};
use crate::domain::{AccessEdit, Event, Group, GroupName, Member, Subject};
use crate::time::Moment;

const END_GROUP: &str = "DELETE FROM access_group WHERE name = $1";

const MAKE_GROUP: &str = "\
    INSERT INTO access_group (name, made_by, made_at) VALUES ($1, $2, $3) \
    ON CONFLICT (name) DO NOTHING";

const FIND_GROUP: &str = "SELECT name FROM access_group WHERE name = $1";

const LEAVE: &str = "DELETE FROM access_member WHERE group_name = $1 AND member = $2";

const JOIN: &str = "\
    INSERT INTO access_member (group_name, member) VALUES ($1, $2) \
    ON CONFLICT (group_name, member) DO NOTHING";

const REVOKE: &str = "DELETE FROM access_rule WHERE rule = $1";

const GIVE: &str = "\
    INSERT INTO access_rule (rule, granted_by, granted_at) VALUES ($1, $2, $3) \
    ON CONFLICT (rule) DO NOTHING";

const GROUPS: &str = "SELECT name FROM access_group ORDER BY name";

const MEMBERS: &str = "SELECT group_name, member FROM access_member ORDER BY group_name, member";

const RULES: &str = "SELECT rule, granted_by, granted_at FROM access_rule ORDER BY rule";

const SHUT_OUT: &str = "SELECT identity FROM shut_out ORDER BY identity";

impl<S: Store> Groups for S {
    fn record_access(&self, edit: &AccessEdit, event: &Event) -> Answer<()> {
        let (edit, event) = (edit.clone(), event.clone());
        self.write_much(move |tx| {
            end(tx, &edit)?;
            begin(tx, &edit, &event.actor.identity, event.at)?;
            audit::add(tx, &[event])
        })
    }

    fn load_access(&self) -> Answer<AccessRecord> {
        self.read(|tx| {
            let mut groups: BTreeMap<GroupName, Group> = BTreeMap::new();
            for name in all(tx, GROUPS, &[], |row| parse::<GroupName>(row, 0))? {
                groups.insert(name.clone(), Group { name, members: Default::default() });
            }
            let member = |row: &dyn super::Row| Ok((parse(row, 0)?, parse::<Member>(row, 1)?));
            for (name, member) in all(tx, MEMBERS, &[], member)? {
                groups.entry(name).and_modify(|group| {
                    group.members.insert(member);
                });
            }
            let grants = all(tx, RULES, &[], |row| {
                Ok(GivenGrant { grant: json(row, 0)?, by: parse(row, 1)?, at: moment(row, 2)? })
            })?;
            let mut grants: Vec<_> = grants;
            grants.sort_by(|a, b| a.grant.cmp(&b.grant));
            Ok(AccessRecord {
                own: list_grants(tx)?,
                groups: groups.into_values().collect(),
                grants,
                shut_out: all(tx, SHUT_OUT, &[], |row| parse(row, 0))?,
            })
        })
    }
}

fn end(tx: &mut dyn Tx, edit: &AccessEdit) -> Answer<()> {
    for grant in &edit.revoke {
        tx.exec(REVOKE, &[to_json(grant)?.into()])?;
    }
    for (group, member) in &edit.leave {
        tx.exec(LEAVE, &[group.as_str().into(), member.as_str().into()])?;
    }
    for group in &edit.end_groups {
        tx.exec(END_GROUP, &[group.as_str().into()])?;
    }
    Ok(())
}

fn begin(tx: &mut dyn Tx, edit: &AccessEdit, by: &str, at: Moment) -> Answer<()> {
    for group in &edit.make_groups {
        tx.exec(MAKE_GROUP, &[group.as_str().into(), by.into(), at.0.into()])?;
    }
    for (group, member) in &edit.join {
        if all(tx, FIND_GROUP, &[group.as_str().into()], |_| Ok(()))?.is_empty() {
            return Err(CatalogueError::Missing(format!("group {group}")));
        }
        tx.exec(JOIN, &[group.as_str().into(), member.as_str().into()])?;
    }
    for grant in &edit.give {
        tx.exec(GIVE, &[to_json(grant)?.into(), by.into(), at.0.into()])?;
        if let Subject::Identity(identity) = &grant.to {
            tx.exec(ADMIT_AGAIN, &[identity.as_str().into()])?;
        }
    }
    Ok(())
}
