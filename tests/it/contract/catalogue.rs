//! What every back end of the catalogue promises, written once and run on each.

use std::path::Path;

use repod::catalogue::Catalogue;
use repod::debian::SuiteName;
use repod::digest::Digest;
use repod::domain::{Package, PackageSet};

#[path = "catalogue/access.rs"]
mod access;
#[path = "catalogue/aliases.rs"]
mod aliases;
#[path = "catalogue/audit.rs"]
mod audit;
#[path = "catalogue/clients.rs"]
mod clients;
#[path = "catalogue/enrolments.rs"]
mod enrolments;
#[path = "catalogue/generations.rs"]
mod generations;
#[path = "catalogue/identities.rs"]
mod identities;
#[path = "catalogue/indices.rs"]
mod indices;
#[path = "catalogue/load.rs"]
mod load;
#[path = "catalogue/namespaces.rs"]
mod namespaces;
#[path = "catalogue/packages.rs"]
mod packages;
#[path = "catalogue/publications.rs"]
mod publications;
#[path = "catalogue/reports.rs"]
mod reports;
#[path = "catalogue/restorations.rs"]
mod restorations;
#[path = "catalogue/retention.rs"]
mod retention;
#[path = "catalogue/rings.rs"]
mod rings;
#[path = "catalogue/samples.rs"]
mod samples;
#[path = "catalogue/slices.rs"]
mod slices;
#[path = "catalogue/snapshots.rs"]
mod snapshots;
#[path = "catalogue/suites.rs"]
mod suites;

use access::{groups_and_grants_are_edited_whole, who_is_revoked_is_shut_out_until_given_a_right};
use aliases::*;
use audit::*;
use clients::*;
use enrolments::*;
use generations::*;
use identities::*;
use indices::*;
use load::*;
use namespaces::*;
use packages::*;
use publications::*;
use reports::*;
use restorations::*;
use retention::*;
use rings::*;
use samples::*;
use slices::*;
use snapshots::*;
use suites::*;

/// Opens the catalogue that lies in a directory, or makes it.
type Make = dyn Fn(&Path) -> Box<dyn Catalogue>;

/// Makes one test of each case for one back end.
macro_rules! catalogue_contract {
    ($back_end:ident, $make:expr, $($case:ident),+ $(,)?) => {
        mod $back_end {
            $(#[test]
            fn $case() {
                let room = tempfile::TempDir::new().unwrap();
                super::$case(room.path(), &$make);
            })+
        }
    };
}

macro_rules! catalogue_contracts {
    ($($back_end:ident: $make:expr;)+) => {
        $(catalogue_contract!(
            $back_end, $make,
            a_ring_has_its_own_head_and_files_while_a_rollout_is_open,
            what_a_ring_had_ends_with_its_rollout_and_is_found_by_hash,
            a_package_is_recorded_once,
            many_packages_are_recorded_at_once,
            packages_are_found_by_digest,
            stanzas_come_in_the_order_asked_for,
            versions_are_those_that_were_accepted,
            a_package_is_found_by_its_path,
            what_is_in_slices_is_not_there_before_its_generation,
            slices_that_are_not_whole_or_do_not_follow_are_published_by_nobody,
            what_is_in_slices_is_taken_back_in_parts,
            what_is_left_of_slices_stands_in_nobodys_way,
            a_name_in_a_slice_belongs_to_its_bytes,
            two_suites_take_a_package_in_slices_and_each_gives_back_its_own,
            a_suite_is_removed_with_its_slices_and_what_it_took_in_some_stays_taken,
            every_sender_of_the_same_bytes_is_known,
    staged_packages_are_forgotten_by_age,
            a_package_is_shown_to_the_suites_that_took_it,
            one_name_version_and_architecture_is_one_package,
            a_version_belongs_to_its_bytes_within_a_namespace,
            a_suite_stays_in_its_namespace,
            a_slice_binds_within_its_namespace_alone,
            whether_a_removed_suite_took_packages_is_known,
            suites_are_created_once,
            a_name_is_one_suites,
            an_alias_is_taken_from_the_suite_that_is_named,
            of_many_who_take_a_name_one_gets_it,
            a_new_suite_is_empty,
            a_suite_loads_as_it_was_published,
            a_publication_that_does_not_follow_changes_nothing,
            a_publication_that_names_the_unknown_changes_nothing,
            a_place_holds_each_version_once,
            how_many_versions_are_listed_is_read_with_the_suite,
            what_was_emptied_is_known_by_when,
            what_is_not_in_cannot_leave,
            a_publication_without_a_generation_moves_no_head,
            pins_replace_and_end,
            a_head_is_renewed_and_never_goes_back,
            a_hold_and_what_came_meanwhile_are_kept_until_its_end,
            placements_say_who_and_where,
            a_search_takes_stars_and_a_limit,
            an_empty_suite_can_be_removed,
            a_suite_of_the_same_name_starts_above_the_old_date,
            history_is_read_in_pages,
            tenures_tell_when_packages_were_in,
            indices_are_kept_for_each_generation,
            indices_are_found_by_hash_for_ever,
            an_index_that_ends_is_listed_until_then,
    what_an_index_was_is_listed_once_for_each_state,
            chunks_and_packs_are_listed,
            blocks_come_later_and_stay,
            runs_come_later_and_stay,
            the_form_of_a_file_is_recorded,
            what_lags_tells_of_which_generation_it_is,
            a_live_generation_lists_more_when_it_is_whole,
            grants_replace_and_end,
            groups_and_grants_are_edited_whole,
            who_is_revoked_is_shut_out_until_given_a_right,
            certificates_are_recorded_once,
            a_revocation_is_whole_and_final,
            a_report_follows_the_last_one_or_changes_nothing,
            lines_that_no_host_has_are_forgotten,
            a_token_is_used_up_once_and_whole,
            tokens_are_replaced_revoked_and_forgotten,
            sightings_keep_the_newest,
            everything_is_there_after_reopening,
            many_threads_record_packages,
            many_threads_publish_one_at_a_time,
            a_large_suite_is_published_and_loaded,
            a_restoration_stays_open_until_it_is_acknowledged,
            numbers_that_were_given_out_are_left_out,
            what_nothing_needs_is_marked_first_and_removed_after_the_grace,
            a_version_belongs_to_its_bytes_after_they_are_gone,
            what_is_needed_again_or_sent_again_stays,
            hosts_that_were_seen_keep_the_generation_that_they_were_given,
            files_and_chunks_of_dropped_generations_go_and_others_stay,
            a_suite_lets_go_of_what_another_one_keeps,
            a_snapshot_is_kept_and_belongs_to_its_keys,
            the_generation_of_a_moment_is_found,
            what_is_recorded_leaves_its_line_and_what_is_not_leaves_none,
            entries_are_found_by_what_they_say,
            the_chain_has_no_gaps_whoever_writes,
            checkpoints_are_kept_as_they_were,
            a_delivery_is_kept_until_the_lines_that_tell_of_it,
            the_ring_is_kept_with_the_lines_that_tell_of_it,
            the_newest_client_package_that_a_host_fetched_is_kept,
            the_last_key_ring_that_a_host_read_is_kept,
        );)+
    };
}

catalogue_contracts! {
    sqlite: |room: &std::path::Path| -> Box<dyn repod::catalogue::Catalogue> {
        let path = room.join("catalogue.db");
        Box::new(repod::catalogue::SqliteCatalogue::open(&path).unwrap())
    };
}

/// A catalogue with one suite, `stable`.
fn with_suite(room: &Path, make: &Make) -> Box<dyn Catalogue> {
    let catalogue = make(room);
    catalogue.create_suite(&spec("stable"), &event("admin.example", 1)).unwrap();
    catalogue
}

/// Publishes a generation whose packages are recorded first.
fn publish(catalogue: &dyn Catalogue, number: u64, entered: &[&Package], left: &[&Package]) {
    entered.iter().for_each(|package| record(catalogue, package));
    catalogue.publish(&generation("stable", number, entered, left)).unwrap();
}

/// The suites that the bytes of a package may be shown to.
fn suites_of(catalogue: &dyn Catalogue, package: &Package) -> Vec<SuiteName> {
    let absent = Digest::of(b"never sent");
    let both = catalogue.list_suites_of(&[absent, package.digest]).unwrap();
    let [of_absent, of_package] = <[_; 2]>::try_from(both).unwrap();
    assert!(of_absent.is_empty());
    of_package
}

fn digests(contents: &PackageSet) -> Vec<Digest> {
    contents.packages().map(|(_, p)| p).map(|package| package.digest).collect()
}

/// Everything that can be read of `stable`, as text: equal when nothing changed.
fn everything(catalogue: &dyn Catalogue) -> String {
    let name = suite("stable");
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        catalogue.load_suite(&name).unwrap(),
        catalogue.list_generations(&name, None, 100).unwrap(),
        catalogue.list_placements(&name, None).unwrap(),
        catalogue.list_indices(&name, 1).unwrap(),
        catalogue.list_packs().unwrap(),
    )
}
