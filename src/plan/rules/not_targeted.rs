//! A command that names targets changes nothing else.

use super::pass::RuleContext;
use crate::pipeline::Reason;
use crate::plan::site_plan::SitePlan;

/// Makes everything wait that the command is not about, whoever asks for it.
pub fn not_targeted(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let is_named = pass.snapshot.is_named(&site.site.id);
    (!is_named).then_some(Reason::NotTargeted)
}
