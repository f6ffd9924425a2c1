import ArgumentParser
import Glibc

/// Runs a command's work; what it throws is told in one line, with the exit code of unusable input.
/// - Throws: `ExitCode`, ArgumentParser's own errors.
package func reporting(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let code as ExitCode {
        throw code
    } catch let error as ValidationError {
        throw error
    } catch {
        complain("error: \(error)")
        throw NodeExit.badInput
    }
}

/// A line on standard error.
package func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

/// Who gives commands: the user of this process.
package var operatorName: String {
    guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name.map({ String(cString: $0) }), !name.isEmpty
    else {
        return "operator"
    }
    return name
}
