/// What a servo is, and what it remembers of a calibration.
package struct ServoRegisters: Equatable, Sendable {
    package var model: Int
    package var firmware: String
    /// Values by register; those of `ServoField.calibrated` that the servo has.
    package var values: [ServoField: Int]

    package init(model: Int, firmware: String, values: [ServoField: Int]) {
        self.model = model
        self.firmware = firmware
        self.values = values
    }
}
