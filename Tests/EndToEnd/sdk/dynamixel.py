"""Drives XM430 servos 1 and 2 at the given port with the vendor's own library (PyPI: dynamixel-sdk)."""

import sys

from checks import check, done, wait
from dynamixel_sdk import (
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    DXL_HIBYTE,
    DXL_HIWORD,
    DXL_LOBYTE,
    DXL_LOWORD,
    GroupBulkRead,
    GroupBulkWrite,
    GroupSyncRead,
    GroupSyncWrite,
    PacketHandler,
    PortHandler,
)

OPERATING_MODE, SECONDARY_ID, TORQUE, HARDWARE_ERROR = 11, 12, 64, 70
WATCHDOG, PROFILE_VELOCITY, GOAL, VELOCITY, POSITION, VOLTAGE = 98, 112, 116, 128, 132, 144
GOOD = (COMM_SUCCESS, 0)


def word(value):
    return [DXL_LOBYTE(DXL_LOWORD(value)), DXL_HIBYTE(DXL_LOWORD(value)),
            DXL_LOBYTE(DXL_HIWORD(value)), DXL_HIBYTE(DXL_HIWORD(value))]


port = PortHandler(sys.argv[1])
servos = PacketHandler(2.0)
check("the port opens", port.openPort() and port.setBaudRate(1_000_000), True)


def position(id):
    return servos.read4ByteTxRx(port, id, POSITION)


def stands_at(id, pulses):
    return lambda: abs(position(id)[0] - pulses) <= 1


# Who is there.
check("ping 1", servos.ping(port, 1), (1020, *GOOD))
check("ping of nobody", servos.ping(port, 9)[1], COMM_RX_TIMEOUT)
check("broadcast ping", servos.broadcastPing(port), ({1: [1020, 45], 2: [1020, 45]}, COMM_SUCCESS))

# Registers of every width, and what may be written when.
check("position", position(1), (2048, *GOOD))
check("voltage", servos.read2ByteTxRx(port, 1, VOLTAGE), (120, *GOOD))
check("mode", servos.read1ByteTxRx(port, 1, OPERATING_MODE), (3, *GOOD))
check("mode 16", servos.write1ByteTxRx(port, 1, OPERATING_MODE, 16), GOOD)
check("mode is 16", servos.read1ByteTxRx(port, 1, OPERATING_MODE), (16, *GOOD))
check("mode 3", servos.write1ByteTxRx(port, 1, OPERATING_MODE, 3), GOOD)
check("mode 7 is none", servos.write1ByteTxRx(port, 1, OPERATING_MODE, 7), (COMM_SUCCESS, 4))
for id in (1, 2):
    check("torque on", servos.write1ByteTxRx(port, id, TORQUE, 1), GOOD)
check("mode with torque", servos.write1ByteTxRx(port, 1, OPERATING_MODE, 16), (COMM_SUCCESS, 7))
check("a read-only register", servos.write4ByteTxRx(port, 1, POSITION, 5), (COMM_SUCCESS, 7))
check("a goal beyond the limits", servos.write4ByteTxRx(port, 1, GOAL, 5000), (COMM_SUCCESS, 6))
check("it did not move", position(1), (2048, *GOOD))

# One servo moves.
check("goal", servos.write4ByteTxRx(port, 1, GOAL, 2300), GOOD)
wait("servo 1 at 2300", stands_at(1, 2300))

# A write that waits for its action.
check("registered goal", servos.regWriteTxRx(port, 1, GOAL, 4, word(2100)), GOOD)
check("it waits", stands_at(1, 2300)(), True)
check("action", servos.action(port, 254), COMM_SUCCESS)
wait("servo 1 at 2100", stands_at(1, 2100))

# Both at once.
write = GroupSyncWrite(port, servos, GOAL, 4)
for id, goal in ((1, 1800), (2, 2400)):
    check("sync write takes it", write.addParam(id, word(goal)), True)
check("sync write", write.txPacket(), COMM_SUCCESS)
wait("servo 1 at 1800", stands_at(1, 1800))
wait("servo 2 at 2400", stands_at(2, 2400))
for name in ("txRxPacket", "fastSyncRead"):
    read = GroupSyncRead(port, servos, VELOCITY, 8)
    for id in (1, 2):
        check("sync read takes it", read.addParam(id), True)
    check(name, getattr(read, name)(), COMM_SUCCESS)
    for id, goal in ((1, 1800), (2, 2400)):
        check(f"{name} has servo {id}", read.isAvailable(id, POSITION, 4), True)
        check(f"{name} of servo {id}", abs(read.getData(id, POSITION, 4) - goal) <= 1, True)
bulk = GroupBulkWrite(port, servos)
check("bulk write takes it", bulk.addParam(1, GOAL, 4, word(2000)), True)
check("bulk write takes it", bulk.addParam(2, 65, 1, [1]), True)
check("bulk write", bulk.txPacket(), COMM_SUCCESS)
wait("servo 1 at 2000", stands_at(1, 2000))
for name in ("txRxPacket", "fastBulkRead"):
    read = GroupBulkRead(port, servos)
    check("bulk read takes it", read.addParam(1, POSITION, 4), True)
    check("bulk read takes it", read.addParam(2, 65, 1), True)
    check(name, getattr(read, name)(), COMM_SUCCESS)
    check(f"{name} of servo 1", abs(read.getData(1, POSITION, 4) - 2000) <= 1, True)
    check(f"{name} of servo 2", read.getData(2, 65, 1), 1)

# Nobody speaks for 20 ms: the servo stops, and wants no goal.
check("watchdog", servos.write1ByteTxRx(port, 1, WATCHDOG, 1), GOOD)
check("silence", servos.ping(port, 9)[1], COMM_RX_TIMEOUT)
check("it has tripped", servos.read1ByteTxRx(port, 1, WATCHDOG), (255, *GOOD))
check("goals are refused", servos.write4ByteTxRx(port, 1, GOAL, 2048), (COMM_SUCCESS, 4))
check("it is cleared", servos.write1ByteTxRx(port, 1, WATCHDOG, 0), GOOD)
check("goals are taken", servos.write4ByteTxRx(port, 1, GOAL, 2048), GOOD)
wait("servo 1 at 2048", stands_at(1, 2048))

# Servo 2 obeys id 1 as its shadow, and is silent.
check("torque off", servos.write1ByteTxRx(port, 2, TORQUE, 0), GOOD)
check("secondary id", servos.write1ByteTxRx(port, 2, SECONDARY_ID, 1), GOOD)
check("torque off through id 1", servos.write1ByteTxRx(port, 1, TORQUE, 0), GOOD)
check("torque on through id 1", servos.write1ByteTxRx(port, 1, TORQUE, 1), GOOD)
check("the shadow has torque", servos.read1ByteTxRx(port, 2, TORQUE), (1, *GOOD))
check("goal of both", servos.write4ByteTxRx(port, 1, GOAL, 2200), GOOD)
wait("the shadow at 2200", stands_at(2, 2200))

# A reboot forgets what is not EEPROM.
check("no hardware error", servos.read1ByteTxRx(port, 1, HARDWARE_ERROR), (0, *GOOD))
check("profile", servos.write4ByteTxRx(port, 2, PROFILE_VELOCITY, 77), GOOD)
check("reboot", servos.reboot(port, 2), GOOD)
check("no torque", servos.read1ByteTxRx(port, 2, TORQUE), (0, *GOOD))
check("no profile", servos.read4ByteTxRx(port, 2, PROFILE_VELOCITY), (0, *GOOD))
check("the secondary id stays", servos.read1ByteTxRx(port, 2, SECONDARY_ID), (1, *GOOD))
port.closePort()
done()
