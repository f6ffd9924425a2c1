import ArgumentParser
import Foundation

// ArgumentParser's own exit code for a wrong command line is 64; ours is 2, as for every other input that cannot be used.
do {
    var command = try LaunchCommand.parseAsRoot()
    try command.run()
} catch let code as ExitCode {
    exit(code.rawValue)
} catch {
    let code = LaunchCommand.exitCode(for: error)
    let text = LaunchCommand.fullMessage(for: error)
    if code.isSuccess {
        print(text)
        exit(0)
    }
    Console.write(text)
    exit(LaunchCommand.Refusal.badInput.rawValue)
}
