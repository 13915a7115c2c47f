//! Where Calico's resources come from: sources that yield changes, merged into one stream.

mod view;

pub use view::{DatastoreView, ObjectCounts, RejectedObject};
