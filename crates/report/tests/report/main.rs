//! What the forms of the report, and the events, promise, on a terminal made by hand.
mod events;
mod html;
mod incident;
mod json;
mod large;
mod sample;
mod text;
