//! Plants.
