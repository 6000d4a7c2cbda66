//! What the three forms of the report promise, on a terminal made by hand.
mod html;
mod json;
mod large;
mod sample;
mod text;
