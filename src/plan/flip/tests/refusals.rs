//! What is not taken over, and why.

use super::*;
