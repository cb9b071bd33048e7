//! Tests of the scrub.
