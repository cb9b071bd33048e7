//! A small judge of JSON Schema, with the words that the description uses and no others.

use serde_json::Value;

/// What does not fit, each fault with its place.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Judge { document }.look(schema, value, "$", &mut found);
    found
}

struct Judge<'d> {
    document: &'d Value,
}

impl Judge<'_> {
    fn look(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        for (word, rule) in schema.as_object().expect("a schema is an object") {
            let fits = match word.as_str() {
                "$ref" => {
                    let path = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    let named = self.document.pointer(path);
                    self.look(named.unwrap_or_else(|| panic!("{rule}")), value, place, found);
                    true
                }
                "type" => match rule {
                    Value::Array(kinds) => kinds.iter().any(|kind| is_a(value, kind)),
                    kind => is_a(value, kind),
                },
                "properties" => {
                    for (name, inner) in rule.as_object().unwrap() {
                        if let Some(field) = value.get(name) {
                            self.look(inner, field, &format!("{place}.{name}"), found);
                        }
                    }
                    true
                }
                "required" => {
                    let names = rule.as_array().unwrap();
                    names.iter().all(|name| value.get(name.as_str().unwrap()).is_some())
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    let fields = value.as_object().into_iter().flatten();
                    let more =
                        fields.filter(|(name, _)| known.is_none_or(|own| !own.contains_key(*name)));
                    match rule {
                        Value::Bool(allowed) => *allowed || more.count() == 0,
                        inner => {
                            more.for_each(|(name, field)| {
                                self.look(inner, field, &format!("{place}.{name}"), found);
                            });
                            true
                        }
                    }
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.look(rule, item, &format!("{place}[{at}]"), found);
                    }
                    true
                }
                "oneOf" => self.fitting(rule, value) == 1,
                "anyOf" => self.fitting(rule, value) > 0,
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "minItems" | "maxItems" => value.as_array().is_none_or(|items| {
                    let (has, bound) = (items.len() as u64, rule.as_u64().unwrap());
                    if word == "minItems" { has >= bound } else { has <= bound }
                }),
                "pattern" => {
                    assert_eq!(rule, "^[0-9a-f]{64}$", "teach the judge this pattern");
                    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                    value.as_str().is_none_or(|text| text.len() == 64 && text.bytes().all(hex))
                }
                "description" | "default" | "examples" | "format" => true,
                other => panic!("teach the judge what {other} means"),
            };
            if !fits {
                found.push(format!("{place}: {word} {rule} does not allow {value}"));
            }
        }
    }

    fn fitting(&self, schemas: &Value, value: &Value) -> usize {
        let fits = |schema: &&Value| faults(self.document, schema, value).is_empty();
        schemas.as_array().unwrap().iter().filter(fits).count()
    }
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no kind of value: {other}"),
    }
}

#[test]
fn the_judge_sees_what_does_not_fit() {
    let document = serde_json::json!({ "schemas": {
        "Name": { "type": "string" },
        "One": {
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {
                "name": { "$ref": "#/schemas/Name" },
                "count": { "type": ["integer", "null"], "minimum": 0 },
                "names": { "type": "array", "items": { "$ref": "#/schemas/Name" } },
                "which": { "oneOf": [{ "const": "all" }, { "type": "array" }] },
                "word": { "enum": ["a", "b"] },
                "digest": { "pattern": "^[0-9a-f]{64}$" },
                "map": { "additionalProperties": { "type": "boolean" } },
            },
        },
    } });
    let judge = |text: &str| {
        let value = serde_json::from_str(text).unwrap();
        faults(&document, &serde_json::json!({ "$ref": "#/schemas/One" }), &value)
    };
    let good = r#"{"name": "x", "count": null, "names": ["a"], "which": "all", "word": "a", "map": {"x": true}}"#;
    assert_eq!(judge(good), Vec::<String>::new());
    for bad in [
        r#"{}"#,
        r#"[]"#,
        r#"{"name": 1}"#,
        r#"{"name": "x", "more": 1}"#,
        r#"{"name": "x", "count": -1}"#,
        r#"{"name": "x", "count": 1.5}"#,
        r#"{"name": "x", "names": [1]}"#,
        r#"{"name": "x", "which": "some"}"#,
        r#"{"name": "x", "word": "c"}"#,
        r#"{"name": "x", "digest": "00"}"#,
        r#"{"name": "x", "map": {"x": 1}}"#,
    ] {
        assert!(!judge(bad).is_empty(), "{bad}");
    }
}
