import Bus
import Testing
import Time

@Suite struct TopicSilenceTests {
    private func time(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }

    @Test func aTopicThatFallsSilentIsNewsOnce() {
        var silence = TopicSilence()
        silence.receive(at: time(1))
        #expect(!silence.lasts(at: time(3.9)) && !silence.isNews(at: time(3.9)))
        #expect(silence.lasts(at: time(4)) && silence.isNews(at: time(4)))
        #expect(silence.lasts(at: time(60)) && !silence.isNews(at: time(60)))
    }

    @Test func theNextSilenceIsNewsAgain() {
        var silence = TopicSilence()
        silence.receive(at: time(0))
        #expect(silence.isNews(at: time(5)) == true)
        silence.receive(at: time(6))
        #expect(!silence.lasts(at: time(7)) && !silence.isNews(at: time(7)))
        #expect(silence.isNews(at: time(9)) == true)
    }

    /// That nothing has come at all is told otherwise.
    @Test func beforeTheFirstMessageNothingIsNews() {
        var silence = TopicSilence()
        #expect(silence.lasts(at: time(0)) && !silence.isNews(at: time(100)))
    }
}
