import Testing
import Time

@Suite struct WallTimeTests {
    @Test func isWrittenAsPeopleReadIt() {
        #expect(WallTime(seconds: 0).description == "1970-01-01T00:00:00Z")
        #expect(WallTime(seconds: 1_709_208_000.9).description == "2024-02-29T12:00:00Z")
    }

    @Test func isReadAsItWasWritten() {
        for seconds in stride(from: 0.0, to: 4e9, by: 86_399_999) {
            #expect(WallTime(WallTime(seconds: seconds).description) == WallTime(seconds: seconds))
        }
    }

    @Test(arguments: [
        "", "2024-02-29", "2024-02-29T12:00:00", "2024-02-29 12:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z",
        "2O24-02-29T12:00:00Z", "2024-02-29T12:00:00+1",
    ]) func anythingElseIsNoTime(_ text: String) { #expect(WallTime(text) == nil) }
}
