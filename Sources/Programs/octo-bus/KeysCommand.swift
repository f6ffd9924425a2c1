import ArgumentParser
import JSONTree
import Keys
import NodeShell
import Time

extension OctoBus {
    /// This user's own key, and the list of others who are let in.
    struct KeysCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keys",
            abstract: "Make this user's key, and say who else may come in over the network.",
            discussion: """
                Whatever listens at a port asks for a key: a run whose bus is tcp, and a machine that computes for \
                robots. A key has two halves. The secret one never leaves its file, ~/.config/octo/own.key; the public \
                one is given to others, who allow it:

                  robot$ octo-bus keys make
                  big$   octo-bus keys allow my-robot 'KEY-OF-THE-ROBOT' --role robot

                Put keys into single quotes: they have signs in them that a shell takes for its own. This user's own \
                key may do everything and is not on the list. OCTO_KEYS names another folder for the files.

                Exit codes: 0 done, 2 it cannot be: no key is there yet, or one is, the name is taken or unknown, or \
                others can read the files.
                """,
            subcommands: [Make.self, Show.self, Allow.self, Revoke.self, Everybody.self])
    }
}

extension OctoBus.KeysCommand {
    /// Makes the key.
    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make this user's own key, and print the public half.",
            discussion: "A key that is there stays: who knows it would have to learn a new one.")

        func run() throws {
            let folder = try KeyFolder.ofUser()
            Terminal.say("\(try folder.makeOwn().publicKey)")
            note(
                "made \(folder.ownPath), which only this user can read. Above is its public half, for others to allow: "
                    + "octo-bus keys allow NAME 'KEY'")
        }
    }

    /// Prints the public half of the key.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public half of this user's own key.",
            discussion: """
                Others allow it with octo-bus keys allow NAME 'KEY'; a robot's manifest names with it the machine that \
                computes for it (hosts, "key"). It is no secret, but check that it arrived as it was sent.
                """)

        @OptionGroup var json: JSONFlag

        func run() throws {
            let folder = try KeyFolder.ofUser()
            let key = try folder.own().publicKey
            guard json.isWanted else { return Terminal.say("\(key)") }
            Terminal.say(
                JSONNode.object(["public_key": JSONNode("\(key)"), "file": JSONNode(folder.ownPath)]).text())
        }
    }

    /// Lets somebody in.
    struct Allow: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let somebody in, by the public key that 'octo-bus keys show' prints there.",
            discussion: """
                Roles:
                \(table(KeyRole.allCases.map { ["", $0.rawValue, $0.meaning] }).joined(separator: "\n"))

                It holds at once, also for what runs already. To change a role, revoke the name first.
                """)

        @Argument(help: "What to call them here: letters, digits, '-', '_' and '.'.")
        var name: String
        @Argument(
            help: "Their public key, 40 signs in single quotes.", transform: { try PublicKey(argument: $0) })
        var key: PublicKey
        @Option(
            help: ArgumentHelp("What they may do.", valueName: KeyRole.allCases.map(\.rawValue).joined(separator: "|")))
        var role = KeyRole.listen

        func run() throws {
            let folder = try KeyFolder.ofUser()
            try folder.changeAllowed { list in try list.add(AllowedKey(name: name, key: key, role: role)) }
            Terminal.say("'\(name)' \(role.meaning), with the key '\(key)'. Take it back: octo-bus keys revoke \(name)")
        }
    }

    /// Lets somebody in no longer.
    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let somebody in no longer.",
            discussion: "It holds at once: who is connected with that key is put out.")

        @Argument(help: "Their name, as 'octo-bus keys list' shows it.")
        var name: String

        func run() throws {
            let folder = try KeyFolder.ofUser()
            let entry = try folder.changeAllowed { list in try list.revoke(name) }
            Terminal.say("'\(name)' (\(entry.role.rawValue)) is let in no longer; the key was '\(entry.key)'")
        }
    }

    /// Shows who is let in.
    struct Everybody: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List who is let in, and what each may do.")

        @OptionGroup var json: JSONFlag

        func run() throws {
            let folder = try KeyFolder.ofUser()
            let entries = try folder.allowed().entries
            if json.isWanted {
                let allowed = entries.map {
                    JSONNode.object([
                        "name": JSONNode($0.name), "role": JSONNode($0.role.rawValue), "key": JSONNode("\($0.key)"),
                    ])
                }
                Terminal.say(
                    JSONNode.object(["file": JSONNode(folder.allowedPath), "allowed": JSONNode(.array(allowed))]).text()
                )
            } else if entries.isEmpty {
                Terminal.say(
                    "nobody is let in but this user (\(folder.allowedPath)). Let somebody in: "
                        + "octo-bus keys allow NAME 'KEY'")
            } else {
                let rows = entries.map { [$0.name, $0.role.rawValue, "\($0.key)", $0.role.meaning] }
                Terminal.say(table([["NAME", "ROLE", "KEY", ""]] + rows).joined(separator: "\n"))
            }
        }
    }
}

extension OctoBus.KeysCommand.Allow {
    /// Sets a key that begins with '-' apart from the options, which it looks like: puts it behind '--'. So, too, one
    /// that lost a sign on its way, so that it is named as wrong.
    /// - Parameter arguments: the program's, without its own name.
    static func settingKeyApart(_ arguments: [String]) -> [String] {
        guard arguments.prefix(2) == ["keys", "allow"], !arguments.contains("--"),
            // No option is half as long as a key.
            let place = arguments.firstIndex(where: { $0.hasPrefix("-") && $0.count > PublicKey.textLength / 2 })
        else { return arguments }
        var apart = arguments
        let key = apart.remove(at: place)
        return apart + ["--", key]
    }
}

extension PublicKey {
    /// Reads a key from the command line.
    fileprivate init(argument text: String) throws {
        guard let key = PublicKey(z85: text) else {
            throw ValidationError(
                "it has \(text.count) signs and is no key, expected the \(PublicKey.textLength) signs that "
                    + "'octo-bus keys show' prints there. Put them into single quotes: a shell changes some of them.")
        }
        self = key
    }
}

extension KeyRole: ExpressibleByArgument {}
