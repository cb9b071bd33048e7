//! Fit: how wide each column of a table is where not all of it has room.

/// How wide a column has to be, and would like to be.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// So that something can be read in it.
    pub least: usize,
    /// So that names, which cannot go on in the next line as texts do, are read.
    pub names: usize,
    /// So that no cell is cut.
    pub cells: usize,
    /// So that the heading is whole as well.
    pub whole: usize,
}

/// The widths of columns that are to share `room`; `None` when there is not even room for the least.
///
/// Shape: names go before texts, and cells before headings; narrow columns become whole first, and the widest are
/// cut most.
pub fn fit(needs: &[Need], room: usize) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = needs.iter().map(|need| need.least).collect();
    let mut left = room.checked_sub(widths.iter().sum())?;
    for wish in [|need: &Need| need.names, |need: &Need| need.cells, |need: &Need| need.whole] {
        while left > 0 {
            let wanting = widths.iter_mut().zip(needs).filter(|(width, need)| **width < wish(need));
            let Some((narrowest, _)) = wanting.min_by_key(|(width, _)| **width) else { break };
            *narrowest = narrowest.saturating_add(1);
            left = left.saturating_sub(1);
        }
    }
    Some(widths)
}
