//! A host's packages as they are stored: the numbers of their lines, ascending, as differences.
//!
//! Layout: the count; the first number and then the gap to each next one; how many packages have marks beyond
//! `auto`, and for each its place and its marks; one bit for each package that says `auto`. Counts, gaps and places
//! are LEB128. The lines of a fleet are few and close together, so that nearly every gap is one byte.

use super::Marks;

/// A package of a host: the number of its line, and its marks.
pub type Listed = (u64, Marks);

/// The bytes are no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a stored list of packages is damaged")]
pub struct ListError;

const HELD: u8 = 1;
const BROKEN: u8 = 2;

/// Writes a list. `list` is ascending, without repetitions.
pub fn encode(list: &[Listed]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len().saturating_add(list.len() / 4).saturating_add(8));
    push(&mut out, list.len() as u64);
    let mut last = 0_u64;
    for (id, _) in list {
        push(&mut out, id.saturating_sub(last));
        last = *id;
    }
    let bits = |marks: &Marks| (u8::from(marks.held) * HELD) | (u8::from(marks.broken) * BROKEN);
    let marked: Vec<_> = (0_u64..).zip(list).filter(|(_, (_, marks))| bits(marks) != 0).collect();
    push(&mut out, marked.len() as u64);
    for (place, (_, marks)) in marked {
        push(&mut out, place);
        out.push(bits(marks));
    }
    for eight in list.chunks(8) {
        let byte =
            (0_u32..).zip(eight).map(|(bit, (_, marks))| u8::from(marks.auto).wrapping_shl(bit));
        out.push(byte.fold(0, |all, one| all | one));
    }
    out
}

/// Reads a list: ascending, without repetitions.
///
/// # Errors
/// [`ListError`] for bytes that [`encode`] does not give.
pub fn decode(bytes: &[u8]) -> Result<Vec<Listed>, ListError> {
    let mut rest = bytes;
    let count = usize::try_from(pull(&mut rest)?).map_err(|_| ListError)?;
    // Every package has a byte at least.
    if count > rest.len() {
        return Err(ListError);
    }
    let (mut list, mut last) = (Vec::with_capacity(count), 0_u64);
    for place in 0..count {
        let gap = pull(&mut rest)?;
        if gap == 0 && place > 0 {
            return Err(ListError);
        }
        last = last.checked_add(gap).ok_or(ListError)?;
        list.push((last, Marks::default()));
    }
    for _ in 0..pull(&mut rest)? {
        let place = usize::try_from(pull(&mut rest)?).map_err(|_| ListError)?;
        let (bits, after) = rest.split_first().ok_or(ListError)?;
        rest = after;
        let (_, marks) = list.get_mut(place).ok_or(ListError)?;
        (marks.held, marks.broken) = (bits & HELD != 0, bits & BROKEN != 0);
    }
    if rest.len() != count.div_ceil(8) {
        return Err(ListError);
    }
    for (eight, byte) in list.chunks_mut(8).zip(rest) {
        for (bit, (_, marks)) in (0_u32..).zip(eight) {
            marks.auto = byte.wrapping_shr(bit) & 1 != 0;
        }
    }
    Ok(list)
}

/// Those of `ids`, which are ascending, that are in a list; what [`decode`] would give of them. It allocates for
/// what it finds alone, so that many lists are searched fast.
///
/// # Errors
/// [`ListError`] for bytes that end too early.
pub fn pick(bytes: &[u8], ids: &[u64]) -> Result<Vec<Listed>, ListError> {
    let mut rest = bytes;
    let count = usize::try_from(pull(&mut rest)?).map_err(|_| ListError)?;
    let (mut found, mut last, mut wanted) = (Vec::new(), 0_u64, ids);
    for place in 0..count {
        last = last.checked_add(pull(&mut rest)?).ok_or(ListError)?;
        while let Some((first, others)) = wanted.split_first().filter(|(first, _)| **first <= last)
        {
            if *first == last {
                found.push((place, (last, Marks::default())));
            }
            wanted = others;
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    for _ in 0..pull(&mut rest)? {
        let place = usize::try_from(pull(&mut rest)?).map_err(|_| ListError)?;
        let (bits, after) = rest.split_first().ok_or(ListError)?;
        rest = after;
        for (_, (_, marks)) in found.iter_mut().filter(|(at, _)| *at == place) {
            (marks.held, marks.broken) = (bits & HELD != 0, bits & BROKEN != 0);
        }
    }
    for (place, (_, marks)) in &mut found {
        let byte = rest.get(*place / 8).ok_or(ListError)?;
        marks.auto = byte.wrapping_shr((*place % 8) as u32) & 1 != 0;
    }
    Ok(found.into_iter().map(|(_, listed)| listed).collect())
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn pull(rest: &mut &[u8]) -> Result<u64, ListError> {
    let mut number = 0_u64;
    for shift in (0_u32..63).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(ListError)?;
        *rest = after;
        number |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ListError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            lists in proptest::collection::btree_map(0_u64..1 << 40, 0_u8..8, 0..40),
            picked in proptest::collection::vec(0_u64..1 << 40, 0..4),
        ) {
            let list: Vec<Listed> = lists.iter().map(|(id, bits)| (*id, Marks {
                held: bits & 1 != 0, auto: bits & 2 != 0, broken: bits & 4 != 0,
            })).collect();
            let wanted: Vec<u64> = picked.into_iter().chain(lists.keys().copied().step_by(3)).collect();
            let wanted: std::collections::BTreeSet<u64> = wanted.into_iter().collect();
            let found: Vec<Listed> =
                list.iter().filter(|(id, _)| wanted.contains(id)).copied().collect();
            let wanted: Vec<u64> = wanted.into_iter().collect();
            prop_assert_eq!(pick(&encode(&list), &wanted), Ok(found));
            prop_assert_eq!(decode(&encode(&list)), Ok(list));
        }

        #[test]
        fn other_bytes_are_refused_or_ascending(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _no_panic = pick(&bytes, &[0, 7, 300]);
            if let Ok(list) = decode(&bytes) {
                prop_assert!(list.windows(2).all(|two| two[0].0 < two[1].0));
            }
        }
    }

    #[test]
    fn eight_hundred_packages_of_three_thousand_lines_take_less_than_a_kilobyte() {
        let list: Vec<Listed> =
            (0..800).map(|n| (n * 3, Marks { auto: n % 9 != 0, ..Marks::default() })).collect();
        assert_eq!(encode(&list).len(), 2 + 800 + 1 + 100);
    }

    #[test]
    fn a_list_that_is_cut_is_refused() {
        let bytes =
            encode(&[(3, Marks { held: true, ..Marks::default() }), (900, Marks::default())]);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(ListError), "{end}");
        }
    }
}
