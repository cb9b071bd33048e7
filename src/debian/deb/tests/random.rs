//! Cut, changed and random input: always an answer, never a wrong one.

use proptest::prelude::*;

use super::build::*;
use super::*;

#[test]
fn a_cut_anywhere_is_a_truncation() {
    for control in FORMS {
        for data in FORMS {
            let bytes = deb(control, data);
            for at in (0..bytes.len()).rev().take(400).chain((0..bytes.len()).step_by(7)) {
                let error = read(&bytes[..at]).unwrap_err();
                assert_eq!(kind(&error), Kind::Truncated, "{control:?} {data:?} {at}: {error}");
            }
        }
    }
}

#[test]
fn a_stream_cut_within_a_whole_archive_is_a_truncation() {
    for (suffix, compress) in FORMS {
        let whole = compress(&data_tar());
        let step = whole.len() / 300 + 1;
        for at in (1..whole.len()).rev().take(40).chain((1..whole.len()).step_by(step)) {
            let bytes = with_data_member(&format!("data.tar{suffix}"), &whole[..at]);
            let error = read(&bytes).unwrap_err();
            assert_eq!(kind(&error), Kind::Truncated, "{suffix} {at}: {error}");
        }
    }
}

#[test]
fn no_changed_bit_changes_what_is_read() {
    for form in &FORMS[1..] {
        let bytes = deb(*form, *form);
        let right = read(&bytes).unwrap();
        for at in 0..bytes.len() {
            for bit in [at % 8, (at + 5) % 8] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(parts) = read(&changed) {
                    assert_eq!(parts, right, "{} byte {at} bit {bit}", form.0);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn changed_tar_headers_never_panic(
        at in 0_usize..4096,
        bytes in prop::collection::vec(any::<u8>(), 1..16),
        resum: bool,
        control: bool,
    ) {
        let mut tar = if control { control_tar() } else { data_tar() };
        let end = (at + bytes.len()).min(tar.len());
        let start = at.min(end);
        tar[start..end].copy_from_slice(&bytes[..end - start]);
        if resum {
            let block = at / 512 * 512;
            if let Some(header) = tar.get_mut(block..block + 512) {
                header[148..156].copy_from_slice(b"        ");
                let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        let _ = read(&if control { with_control(&tar) } else { with_data(&tar) });
    }

    #[test]
    fn changed_archives_never_panic(
        form in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = deb(FORMS[form], FORMS[form]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn random_members_never_panic(
        form in 0_usize..4,
        content in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let name = format!("data.tar{}", FORMS[form].0);
        prop_assert!(read(&with_data_member(&name, &content)).is_err());
        prop_assert!(read(&content).is_err());
        prop_assert!(read(&[b"!<arch>\n".as_slice(), &content].concat()).is_err());
    }
}
