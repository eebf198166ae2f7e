//! Screens as a person sees them.

use insta::assert_snapshot;

use super::driver::Driver;

#[test]
fn organizations_at_80x24() {
    assert_snapshot!(Driver::answered(80, 24).screen());
}

#[test]
fn organizations_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).screen());
}

#[test]
fn projects_at_80x24() {
    assert_snapshot!(Driver::answered(80, 24).press("<enter>").screen());
}

#[test]
fn projects_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).press("<enter>").screen());
}

#[test]
fn project_at_80x24() {
    assert_snapshot!(Driver::answered(80, 24).press("<enter><enter>").screen());
}

#[test]
fn project_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).press("<enter><enter>").screen());
}
