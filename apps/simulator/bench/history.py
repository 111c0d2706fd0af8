"""Reads what the simulator wrote with --out and --truth."""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass
class History:
    """Events of all customers, sorted by customer and time."""

    connection: duckdb.DuckDBPyConnection  # holds the table `events`
    customers: list[str]
    who: Indices  # (E,) place in customers
    day: Array  # (E,) days since the first event
    code: Indices  # (E,) place in names
    names: list[str]
    now: float  # end of the history, in days
    behaviour: list[str]  # (N,) what is planted
    planted: NDArray[np.bool_]  # (N,) neither noise nor mixture


def read(history: str, truth: str) -> History:
    told = json.loads(Path(truth).read_text())
    connection = duckdb.connect()
    connection.execute(
        """create table events as
           select "userId" as customer, epoch(timestamp::timestamptz) as second, event, properties
           from read_json(?, format = 'newline_delimited', columns = {type: 'varchar', "userId": 'varchar',
                timestamp: 'varchar', event: 'varchar', properties: 'json'})
           where type = 'track'""",
        [history],
    )
    columns = connection.execute("select customer, second, event from events order by customer, second").fetchnumpy()
    until = connection.execute("select epoch(?::timestamptz)", [told["until"]]).fetchone()
    assert until is not None
    customers, who = np.unique(columns["customer"].astype(str), return_inverse=True)
    names, code = np.unique(columns["event"].astype(str), return_inverse=True)
    origin = columns["second"].min()
    known = {customer["userId"]: customer for customer in told["customers"]}
    return History(
        connection,
        list(customers),
        who,
        (columns["second"] - origin) / 86400,
        code,
        list(names),
        (until[0] - origin) / 86400,
        [known[customer]["behaviour"] for customer in customers],
        np.array([known[customer]["kind"] == "planted" for customer in customers]),
    )
