import signal
import sys
import threading
import time
import weakref

import pytest

from pyro_seatbelt.signals import NAMES, Interruption, stopping

EVERY = [getattr(signal, name) for name in NAMES]


@pytest.mark.parametrize("number", EVERY)
def test_a_signal_is_noted_and_so_is_its_twin(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_is_impatience():
    with Interruption():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", EVERY)
def test_every_signal_is_a_ctrl_c(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stopping():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", EVERY)
def test_a_signal_while_an_object_is_deleted_is_not_dropped(number):
    class Thing:
        pass

    def delete():
        thing = Thing()
        kept.append(weakref.ref(thing, lambda gone: signal.raise_signal(number)))
        del thing
        time.sleep(10)

    before, kept = sys.unraisablehook, []
    with pytest.raises(KeyboardInterrupt), stopping():
        delete()
    assert sys.unraisablehook is before


def test_what_else_is_dropped_is_still_said(monkeypatch):
    class Thing:
        def __del__(self):
            raise ValueError("dropped")

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: seen.append(str(dropped.exc_value)))
    with stopping():
        Thing()
    assert seen == ["dropped"]


def test_who_clears_away_is_not_cut_off_by_the_same_signal():
    with stopping():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)


def test_who_is_around_hears_it_too():
    """A worker whose training has saved takes no more work."""
    with stopping() as stop:
        with Interruption():
            signal.raise_signal(signal.SIGUSR1)
        assert stop.requested


def test_under_nohup_a_closed_terminal_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
            assert not interruption.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_handle_no_signals():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with Interruption() as interruption:
            seen.append((interruption.requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
