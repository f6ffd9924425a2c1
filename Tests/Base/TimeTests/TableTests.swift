import Testing
import Time

@Suite struct TableTests {
    @Test func columnsAreAsWideAsTheirWidestEntry() {
        #expect(table([["id", "model"], ["1", "XM430"], ["12", "x"]]) == ["id  model", "1   XM430", "12  x"])
    }

    @Test func theLastColumnsStandToTheRight() {
        #expect(
            table([["TOPIC", "COUNT", "HZ"], ["arm/state", "7", "50.0"]], rightmost: 2) == [
                "TOPIC      COUNT    HZ", "arm/state      7  50.0",
            ])
    }

    @Test func shortRowsEndWithoutSpaces() {
        #expect(table([["a", "b", "c"], ["long", ""], []]) == ["a     b  c", "long", ""])
        #expect(table([]) == [])
    }
}
