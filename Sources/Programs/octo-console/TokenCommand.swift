import ArgumentParser
import Console
import Files
import NodeShell

/// Makes the tokens by which people log in to the console.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make the tokens with which people log in to the console from other machines.",
        discussion: """
            Writes a file that only its owner can read, and shows both tokens. Name the file as console.token_file in \
            the manifest.

            --replace makes new tokens in place of those of a file that is there: restart the console, and everybody \
            has to log in again.

            Exit codes: 0 done, 2 the file is there already, or cannot be written.
            """)

    @Argument(help: "Token file to create.", completion: .file())
    var file: String
    @Flag(help: "Replace the tokens of a file that is there.")
    var replace = false

    func run() throws {
        var chance = SystemRandomNumberGenerator()
        let tokens = AccessTokens.make(using: &chance)
        try TokenFile.write(tokens, to: file, replaces: replace)
        print(
            """
            \(FileSystem.absolute(file, from: FileSystem.workingFolder))
            operate  \(tokens.operate)  may do everything: move the arm, set goals, record
            view     \(tokens.view)  may look at everything, and stop the arm
            """)
        note("They travel unencrypted: use them in a network that you trust, or over ssh.")
    }
}
