import Launch
import NodeShell

extension Supervisor.Ending {
    /// How a process ended, as the supervisor has it.
    init(_ ending: ChildProcess.Ending) {
        switch ending {
        case .exited(let code): self = .exited(code)
        case .signalled(let signal): self = .signalled(signal)
        }
    }
}
