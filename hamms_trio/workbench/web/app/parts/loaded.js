// What a view has to fetch: a value, the reason why there is none, and a way to fetch it again.
import { useEffect, useRef, useState } from "../lib.js";

export function useLoaded(load, inputs = []) {
  const [state, setState] = useState({ value: null, problem: null, isWaiting: true });
  const isThere = useRef(true);
  const turn = useRef(0);
  const reload = async () => {
    const mine = (turn.current += 1);
    try {
      const value = await load();
      if (isThere.current && mine === turn.current) setState({ value, problem: null, isWaiting: false });
      return value;
    } catch (error) {
      if (isThere.current && mine === turn.current) setState((before) => ({ ...before, problem: error, isWaiting: false }));
      return null;
    }
  };
  useEffect(() => {
    isThere.current = true;
    reload();
    return () => (isThere.current = false);
  }, inputs);
  return { ...state, reload };
}

// A form whose submission may fail: [problem, isBusy, submit]; submit takes a function of the form's values.
export function useSubmit() {
  const [state, setState] = useState({ problem: "", isBusy: false });
  const submit = async (act) => {
    setState({ problem: "", isBusy: true });
    try {
      const value = await act();
      setState({ problem: "", isBusy: false });
      return value;
    } catch (error) {
      setState({ problem: error.message, isBusy: false });
      return undefined;
    }
  };
  return [state.problem, state.isBusy, submit];
}
