//! The bad day.
use crate::scenario::Stage;

pub(super) fn play(_stage: &mut Stage) {}
