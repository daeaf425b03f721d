//! The first pin is what runs.

use super::*;
