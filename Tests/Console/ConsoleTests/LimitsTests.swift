import Console
import Testing
import Time

@Suite struct MessageBudgetTests {
    private func budget() -> MessageBudget {
        MessageBudget(at: .zero, messagesPerSecond: 10, messageBurst: 20, bytesPerSecond: 1_000, byteBurst: 2_000)
    }

    @Test func aBurstIsAdmittedAndThenTheRate() {
        var budget = budget()
        #expect((0..<30).filter { _ in budget.admit(bytes: 1, at: .zero) }.count == 20)
        #expect(budget.refused == 10)
        #expect(budget.admit(bytes: 1, at: .zero + .milliseconds(99)) == false)
        #expect(budget.admit(bytes: 1, at: .zero + .milliseconds(101)) == true)
        #expect(budget.admit(bytes: 1, at: .zero + .milliseconds(102)) == false)
    }

    @Test func bytesAreBoundedBesidesMessages() {
        var budget = budget()
        #expect(budget.admit(bytes: 2_001, at: .zero) == false)
        #expect(budget.admit(bytes: 2_000, at: .zero) == true)
        #expect(budget.admit(bytes: 1, at: .zero) == false)
        #expect(budget.admit(bytes: 500, at: .zero + .milliseconds(500)) == true)
        #expect(budget.admit(bytes: -1, at: .zero + .seconds(9)) == false)
    }

    @Test func quietTimeSavesUpNoMoreThanABurst() {
        var budget = budget()
        let later = MonotonicTime.zero + .seconds(1_000_000)
        #expect((0..<50).filter { _ in budget.admit(bytes: 1, at: later) }.count == 20)
    }

    @Test func aClockThatGoesBackGivesNothing() {
        var budget = budget()
        let start = MonotonicTime.zero + .seconds(100)
        while budget.admit(bytes: 1, at: start) {}
        #expect(budget.admit(bytes: 1, at: .zero) == false)
        #expect(budget.admit(bytes: 1, at: start) == false)
        #expect(budget.admit(bytes: 1, at: start + .seconds(1)) == true)
    }

    @Test func ourOwnPageStaysBelowTheLimits() {
        var budget = MessageBudget(at: .zero)
        // A drive message every 50 ms, 200 bytes; a sign of life every 100 ms, 20 bytes; for a minute.
        for tick in 0..<1_200 {
            let now = MonotonicTime.zero + .milliseconds(50 * tick)
            #expect(budget.admit(bytes: 200, at: now) == true)
            if tick.isMultiple(of: 2) { #expect(budget.admit(bytes: 20, at: now) == true) }
        }
    }
}

@Suite struct ServerLimitsTests {
    @Test(
        arguments: [
            ([:], nil), (["content-length": "0"], nil), (["content-length": "65536"], nil),
            (["content-length": "65537"], 413),
            (["content-length": "99999999999999999999"], 400), (["content-length": "-1"], 400),
            (["content-length": "x"], 400),
            (["transfer-encoding": "chunked"], 411), (["transfer-encoding": "chunked", "content-length": "3"], 411),
        ] as [([String: String], Int?)])
    func bodiesAreBounded(headers: [String: String], status: Int?) {
        let refusal = ServerLimits.refusal(ofBody: headers)
        #expect(refusal?.status == status)
        if let refusal { #expect(refusal.headers["Connection"] == "close") }
    }
}
