//! What is remembered, and how it is brought into shape for judging.
mod fold;

pub use fold::fold;
