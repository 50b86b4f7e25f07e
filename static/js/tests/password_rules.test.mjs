import assert from "node:assert/strict";
import { test } from "node:test";

import { isUnlike } from "../password_rules.js";

// What Django says to the same: `accounts/tests/test_password_rules.py` holds it against this table.
const CASES = [
  ["alice@example.org", "alice@example.org", false], ["alice@example.org", "Alice.example1", false], ["alice@example.org", "correct horse battery", true],
  ["robertsmith@mail.test", "smithrobert12", false], ["a@b.test", "aaaaaaaaaaaaaa", true], ["jonathan@post.test", "nahtanoj-2026", false],
  ["jonathan@post.test", "jonathan1234", false], ["", "anything at all", true],
];

test("a password is like an address where Django says so", () => {
  for (const [email, password, unlike] of CASES) assert.equal(isUnlike(password, email ? [email] : [], 0.7), unlike, `${email} ${password}`);
});
