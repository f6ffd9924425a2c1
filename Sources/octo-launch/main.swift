import Launch

print(ManifestSchema.text, terminator: "")
