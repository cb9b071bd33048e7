//! CAs and their revocation lists.

use crate::api::IssuerView;
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::when;

/// One line for each CA.
pub fn issuers(issuers: &[IssuerView], sheet: &Sheet) -> String {
    let mut table = Table::new(&["CA", "CA ENDS", ">NUMBER", ">REVOKED", "NEXT UPDATE", "CLOSES"]);
    for issuer in issuers {
        let list = issuer.list.as_ref();
        table.row([
            issuer.name.clone(),
            when(issuer.not_after, sheet.now),
            list.map_or("none".into(), |list| list.number.clone()),
            list.and_then(|list| Some(list.revoked?.to_string())).unwrap_or_default(),
            list.map(|list| when(list.next_update, sheet.now)).unwrap_or_default(),
            list.map_or("closed".into(), |list| when(list.closes, sheet.now)),
        ]);
    }
    table.lines(0, sheet)
}
