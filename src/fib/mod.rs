//! The kernel's routes: what should be there, what is there, and the difference, written in batches.

mod view;

pub use view::{FibRow, FibRowState, FibView};
