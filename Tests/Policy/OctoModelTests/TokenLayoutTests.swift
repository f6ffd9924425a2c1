import OctoModel
import Testing

/// The rules on a sequence small enough to write down; the recorded cases hold whole masks.
@Suite struct TokenLayoutTests {
    /// Two task tokens, then per timestep two image tokens and two readout tokens.
    private let layout = TokenLayout(
        prefix: [.init(name: "task_language", kind: .task, count: 2)],
        perTimestep: [
            .init(name: "obs_primary", kind: .observation, count: 2),
            .init(name: "readout_action", kind: .readout, count: 2),
        ], timesteps: 2)

    private func rows(_ mask: [UInt8]) -> [String] {
        stride(from: 0, to: mask.count, by: layout.count).map { start in
            mask[start..<start + layout.count].map { $0 == 1 ? "x" : "." }.joined()
        }
    }

    @Test func correctRulesFollowKindAndTime() {
        let mask = layout.attentionMask(keyMask: [UInt8](repeating: 1, count: 10), usesCorrectAttention: true)
        #expect(
            rows(mask) == [
                "xx........", "xx........",
                "xxxx......", "xxxx......", "xxxxxx....", "xxxxxx....",
                "xxxx..xx..", "xxxx..xx..", "xxxxxxxxxx", "xxxxxxxxxx",
            ])
    }

    @Test func theOldRuleCountsAGroupsFirstTokenToTheGroupBefore() {
        let mask = layout.attentionMask(keyMask: [UInt8](repeating: 1, count: 10), usesCorrectAttention: false)
        // The first readout token is an observation token: others see it, and it sees no readout.
        #expect(
            rows(mask) == [
                "xx........", "xx........",
                "xxxxx.....", "xxxxx.....", "xxxxx.....", "xxxxxx....",
                "xxxxx.xxx.", "xxxxx.xxx.", "xxxxx.xxx.", "xxxxxxxxxx",
            ])
    }

    @Test func hiddenKeysAreSeenByNobody() {
        var keyMask = [UInt8](repeating: 1, count: 10)
        keyMask[1] = 0
        keyMask[6] = 0
        let mask = layout.attentionMask(keyMask: keyMask, usesCorrectAttention: true)
        #expect(
            rows(mask).allSatisfy { row in
                let marks = Array(row)
                return marks[1] == "." && marks[6] == "."
            })
        #expect(rows(mask)[9] == "x.xxxx.xxx")
    }

    @Test func readoutsDoNotSeeEachOther() {
        let two = TokenLayout(
            prefix: [],
            perTimestep: [
                .init(name: "readout_a", kind: .readout, count: 1), .init(name: "readout_b", kind: .readout, count: 1),
            ], timesteps: 2)
        let mask = two.attentionMask(keyMask: [1, 1, 1, 1], usesCorrectAttention: true)
        #expect(mask == [1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1])
    }

    @Test func groupsAreFoundInEveryTimestep() {
        #expect(layout.count == 10)
        #expect(layout.range(ofTimestep: 1) == 6..<10)
        #expect(layout.range(of: "readout_action", timestep: 0) == 4..<6)
        #expect(layout.range(of: "readout_action", timestep: 1) == 8..<10)
        #expect(layout.range(of: "readout_other", timestep: 1) == nil)
    }
}
