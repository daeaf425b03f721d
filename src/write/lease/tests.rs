use super::{Revoked, WriteLease};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn a_revoked_lease_begins_no_write() {
    let lease = WriteLease::for_run();
    drop(lease.begin().unwrap());
    assert!(
        timeout(Duration::from_secs(1), lease.wait_until_idle())
            .await
            .is_err()
    );
    assert_eq!(lease.revoke(), Revoked::AtRest);
    assert_eq!(
        lease.begin().unwrap_err().to_string(),
        "pintle is stopping: nothing was written"
    );
    lease.wait_until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_write_in_progress_comes_to_its_end_with_all_its_parts() {
    let lease = WriteLease::for_run();
    let whole = lease.begin().unwrap();
    assert_eq!(lease.revoke(), Revoked::Writing);
    drop(lease.begin().unwrap());
    assert!(
        timeout(Duration::from_secs(1), lease.wait_until_idle())
            .await
            .is_err()
    );
    drop(whole);
    lease.wait_until_idle().await;
    assert!(lease.begin().is_err());
}
