#[test]
fn programs() {
    println!("{:?} {:?}", mete_tests::process::mete().unwrap(), mete_tests::process::meted().unwrap());
}
