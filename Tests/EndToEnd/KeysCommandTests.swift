import JSONTree
import Keys
import Testing

extension EndToEnd {
    /// `octo-bus keys`: what people type to let one another in.
    @Suite struct KeysCommandTests {
        private let folder: KeyFolder

        init() throws { folder = KeyFolder(path: try TemporaryFolder.make("keys").path + "/octo") }

        private func keys(_ arguments: String...) throws -> Program.Outcome {
            try Program.run("octo-bus", ["keys"] + arguments, environment: ["OCTO_KEYS": folder.path])
        }

        @Test func aKeyIsMadeOnceAndShown() throws {
            let none = try keys("show")
            #expect(none.exitCode == 2 && none.errors.contains("octo-bus keys make"), "\(none)")
            let made = try keys("make")
            let key = try folder.own().publicKey
            #expect(made.exitCode == 0 && made.output == "\(key)\n", "\(made)")
            let again = try keys("make")
            #expect(again.exitCode == 2 && again.output.isEmpty && again.errors.contains("'\(key)'"), "\(again)")
            #expect(try folder.own().publicKey == key)
            #expect(try keys("show").output == "\(key)\n")
            let json = try JSONNode(parsing: Array(keys("show", "--json").output.utf8))
            #expect(json["public_key"]?.string == "\(key)" && json["file"]?.string == folder.ownPath)
        }

        /// What begins with '-' is no option where a key is meant, also where it has an h in it, as -h does.
        @Test(arguments: [
            "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "-h:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
            "--role=U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "&(:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
        ]) func anyKeyIsLetInAndRevoked(_ key: String) throws {
            let allowed = try keys("allow", "big", key, "--role", "robot")
            #expect(allowed.exitCode == 0 && allowed.output.contains("'\(key)'"), "\(allowed)")
            #expect(allowed.output.contains("may have its policy computed here"), "\(allowed)")
            let entry = try #require(folder.allowed().entries.first)
            #expect(entry.name == "big" && entry.role == .robot && entry.key.description == key)
            let list = try JSONNode(parsing: Array(keys("list", "--json").output.utf8))
            let listed = try #require(list["allowed"]?.array)
            #expect(listed.map { $0["key"]?.string } == [key] && listed.map { $0["role"]?.string } == ["robot"])
            #expect(try keys("list").output.contains(key))
            let unknown = try keys("revoke", "bog")
            #expect(unknown.exitCode == 2 && unknown.errors.contains("expected one of big"), "\(unknown)")
            #expect(try keys("revoke", "big").exitCode == 0)
            #expect(try folder.allowed().entries.isEmpty)
        }

        @Test func listeningIsTheRoleUnlessAnotherIsNamed() throws {
            let key = try KeyPair.make().publicKey
            #expect(try keys("allow", "laptop", "\(key)").exitCode == 0)
            #expect(try folder.allowed().entries == [AllowedKey(name: "laptop", key: key, role: .listen)])
            for name in ["laptop", "desk"] {
                let taken = try keys("allow", name, "\(key)", "--role", "operate")
                #expect(taken.exitCode == 2 && taken.errors.contains("octo-bus keys revoke laptop"), "\(taken)")
            }
            #expect(try folder.allowed().entries.count == 1)
        }

        @Test(arguments: [
            "", "short", "-h:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
        ])
        func whatIsNoKeyIsRefused(_ text: String) throws {
            let refused = try keys("allow", "laptop", text)
            #expect(refused.exitCode == 2 && refused.errors.contains("octo-bus keys show"), "\(refused)")
            #expect(try folder.allowed().entries.isEmpty)
        }
    }
}
