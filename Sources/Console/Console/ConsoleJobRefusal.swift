/// Why a job is not taken up.
enum ConsoleJobRefusal: Error, Equatable {
    /// The request is none: what is wrong with it, all at once.
    case malformed([String])
    case noRun(ConsoleJob.Kind)
    case tooMany([ConsoleJob])
    case episode(EpisodeShelfError)

    var response: WebResponse {
        switch self {
        case .malformed(let problems): WebResponse.error(400, "asking for a job: " + problems.joined(separator: "; "))
        case .noRun(let kind):
            WebResponse.error(
                409, "'\(kind.rawValue)' looks through the cameras of a run, and none is alive. Start one.")
        case .tooMany(let running):
            WebResponse.error(
                429,
                "\(running.map(\.kind.rawValue).joined(separator: " and ")) are running, at most "
                    + "\(ConsoleJobs.mostRunning) jobs do at once. Wait until one is done.")
        case .episode(let error): error.response
        }
    }
}
