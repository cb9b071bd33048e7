//! Uploads of which the server refuses a part.

use super::*;

#[tokio::test]
async fn what_is_refused_is_told_by_its_file_and_not_asked_for_again() {
    let scene = scene(0).await;
    for (name, bytes) in [("a", b"first"), ("b", b"wrong"), ("c", b"third"), ("d", b"other")] {
        scene.write(&format!("dist/{name}.deb"), bytes);
    }
    let dist = scene.directory.path().join("dist").display().to_string();
    scene.book.lock().unwrap().rejects = vec![b"wrong".to_vec()];
    scene.book.lock().unwrap().unwanted = vec![b"third".to_vec()];
    let output = scene.stage.run(&["upload", &dist, "--keep-going", "--json"]).await;
    assert_eq!(output.exit, 1, "{}", output.err);
    assert_eq!(scene.asked(), ["missing", "blobs", "change", "change"]);
    let change = scene.book.lock().unwrap().change.clone().unwrap();
    let of = |bytes: &[u8]| json!({ "component": "main", "digest": Digest::of(bytes).to_string() });
    assert_eq!(change["change"]["items"], json!([of(b"first"), of(b"other")]));
    let told: Value = serde_json::from_str(&output.out).unwrap();
    let refused = told["refused"].as_array().unwrap();
    let files: Vec<_> = refused.iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, [format!("{dist}/b.deb"), format!("{dist}/c.deb")]);
    assert_eq!(refused[1]["reasons"], json!(["hello 1.0 amd64: is there"]));
    assert_eq!(
        (&told["generation"], &refused[1]["code"]),
        (&json!(42), &json!("version-conflict"))
    );

    // Without it, nothing is published.
    scene.book.lock().unwrap().rejects.clear();
    let output = scene.stage.run(&["upload", &dist]).await;
    let named = format!("  {dist}/c.deb: hello 1.0 amd64: is there\n");
    let told = format!("error: 1 of 4 packages refused; nothing was published\n{named}");
    let hint = "hint: give the rebuilt package a higher version\n";
    assert_eq!((output.exit, output.err), (1, format!("{told}{hint}")));
    assert_eq!(scene.asked()[4..], ["missing", "blob", "change"]);
}

#[tokio::test]
async fn what_was_refused_is_told_also_when_a_later_step_fails() {
    let scene = scene(0).await;
    for (name, bytes) in [("a", b"first"), ("b", b"wrong")] {
        scene.write(&format!("dist/{name}.deb"), bytes);
    }
    let dist = scene.directory.path().join("dist").display().to_string();
    scene.book.lock().unwrap().rejects = vec![b"wrong".to_vec()];
    scene.book.lock().unwrap().refusal = Some(Problem::new(Code::OutOfSpace, "the disk is full"));
    let upload = ["upload", &dist, "--keep-going", "--retry-seconds", "0", "--json"];
    let output = scene.stage.run(&upload).await;
    let told: Value = serde_json::from_str(&output.err).unwrap();
    assert!(
        told["error"].as_str().unwrap().ends_with("; before that, 1 package refused"),
        "{told}"
    );
    assert_eq!(told["code"], "out-of-space");
    let own = format!("{dist}/b.deb: Depends: is empty");
    assert!(told["reasons"].as_array().unwrap().contains(&json!(own)), "{told}");
}

#[tokio::test]
async fn what_is_wrong_with_bytes_and_with_the_change_is_told_together() {
    let scene = scene(0).await;
    for (name, bytes) in [("a", b"first"), ("b", b"wrong"), ("c", b"third")] {
        scene.write(&format!("dist/{name}.deb"), bytes);
    }
    let dist = scene.directory.path().join("dist").display().to_string();
    scene.book.lock().unwrap().rejects = vec![b"wrong".to_vec()];
    scene.book.lock().unwrap().unwanted = vec![b"third".to_vec()];
    let output = scene.stage.run(&["upload", &dist]).await;
    let reasons = [
        "b.deb: Depends: is empty",
        r"b.deb: Version: has a \u{1b}[2J in it",
        "c.deb: hello 1.0 amd64: is there",
    ];
    let reasons: String = reasons.iter().map(|one| format!("  {dist}/{one}\n")).collect();
    let hint = "hint: give the rebuilt package a higher version\n";
    let told = format!("error: 2 of 3 packages refused; nothing was published\n{reasons}{hint}");
    assert_eq!((output.exit, output.err), (1, told));
    assert_eq!(scene.asked(), ["missing", "blobs", "change"]);
    assert!(scene.book.lock().unwrap().change.is_none());
}
