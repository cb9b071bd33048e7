//! CAs and their revocation lists.

use crate::api::IssuerView;
use crate::cli::table::Table;
use crate::cli::text::when;
use crate::time::Moment;

/// One line for each CA.
pub fn issuers(issuers: &[IssuerView], now: Moment) -> String {
    let mut table = Table::new(&["CA", "CA ENDS", ">NUMBER", ">REVOKED", "NEXT UPDATE", "CLOSES"]);
    for issuer in issuers {
        let list = issuer.list.as_ref();
        table.row([
            issuer.name.clone(),
            when(issuer.not_after, now),
            list.map_or("none".into(), |list| list.number.clone()),
            list.and_then(|list| Some(list.revoked?.to_string())).unwrap_or_default(),
            list.map(|list| when(list.next_update, now)).unwrap_or_default(),
            list.map_or("closed".into(), |list| when(list.closes, now)),
        ]);
    }
    table.lines(0)
}
