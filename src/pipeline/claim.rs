//! What a change claims: what may differ in the repo after its edits. The proof derives all allowed
//! differences from these, and knows no actions.

use crate::model::reference::Reference;
use crate::sites::SiteId;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Every use of the site has this image.
    Image { site: SiteId, image: Reference },
    /// The site has one more hold, or another one in the place of one it had, and is held.
    Held { site: SiteId },
    /// Nothing holds the site any more.
    Released { site: SiteId },
    /// Holds of the site that have ended are gone, and no others.
    EndedHoldsRemoved { site: SiteId },
    /// Terraform sets the image of every use: their lines in `ignore_changes` are gone, and
    /// `image_pull_policy = "Always"` beside them.
    Tracked { site: SiteId },
    /// Keel is kept away from the workloads of the site: its policy is `never` with pintle's mark,
    /// and nothing ignores that.
    KeelHandsOff { site: SiteId },
}

impl Claim {
    pub fn site(&self) -> &SiteId {
        match self {
            Self::Image { site, .. }
            | Self::Held { site }
            | Self::Released { site }
            | Self::EndedHoldsRemoved { site }
            | Self::Tracked { site }
            | Self::KeelHandsOff { site } => site,
        }
    }
}
