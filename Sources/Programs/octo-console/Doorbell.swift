import Synchronization

/// Wakes one task that waits for something to do. What rings while it is busy is not forgotten, and rings once.
final class Doorbell: Sendable {
    private enum Place {
        case quiet
        case rung
        case waiting(CheckedContinuation<Void, Never>)
    }
    private let place = Mutex(Place.quiet)

    func ring() {
        let waiter = place.withLock { place -> CheckedContinuation<Void, Never>? in
            guard case .waiting(let waiter) = place else {
                place = .rung
                return nil
            }
            place = .quiet
            return waiter
        }
        waiter?.resume()
    }

    /// Waits until it rings, or returns at once if it has since the last time. For one task at a time.
    func wait() async {
        await withCheckedContinuation { waiter in
            let isRung = place.withLock { place in
                guard case .rung = place else {
                    place = .waiting(waiter)
                    return false
                }
                place = .quiet
                return true
            }
            if isRung { waiter.resume() }
        }
    }
}
