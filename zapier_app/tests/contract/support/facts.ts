/** What tests/service/test_zapier.py tells about the service that it has started. */
function fact(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set: start these tests by tests/service/test_zapier.py.`);
  }
  return value;
}

export const facts = {
  url: fact("COLABEL_URL"),
  /** Where whoever runs the service does things to it: see tests/zapier_house.py. */
  desk: fact("COLABEL_DESK"),
  /** The scopes that the guide tells people to give a key for Zapier. */
  key: fact("COLABEL_KEY"),
  keyToRevoke: fact("COLABEL_KEY_TO_REVOKE"),
  /** Alice's own, which may everything. */
  adminKey: fact("COLABEL_ADMIN_KEY"),
  charliesKey: fact("COLABEL_CHARLIES_KEY"),
  /** Tells red, green and blue apart, and is unsure about grey. */
  classifier: fact("COLABEL_CLASSIFIER"),
  /** The same, for the tests that make rules: whatever is classified here may be acted on. */
  actingClassifier: fact("COLABEL_ACTING_CLASSIFIER"),
  charliesClassifier: fact("COLABEL_CHARLIES_CLASSIFIER"),
  /** Where rules put pictures. */
  sorted: fact("COLABEL_SORTED"),
};
