// Web IDL for classes that are written in JavaScript: values are converted by tables, and what the tables describe looks
// and behaves as a browser's interfaces do (https://webidl.spec.whatwg.org).
//
// A converter is a function (value, context) → the converted value; it throws a TypeError that begins with the context.
// An interface has a public face, made by `defineInterface`, and an implementation behind it, an object of any class with
// the same names; `faceOf` joins the two. The face checks brands, counts and converts arguments, and turns exceptions of
// operations that return promises into rejections, so that the implementations have only their own work to do.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

// ----------------------------------------------------------------------------------------------------------- converters

const any = (value) => value;
const boolean = (value) => Boolean(value);

function DOMString(value, context) {
  if (typeof value === 'symbol') throw new TypeError(`${context} is a symbol, which is no string`);
  return String(value);
}

const USVString = (value, context) => DOMString(value, context).toWellFormed();

function number(value, context) {
  if (typeof value === 'bigint' || typeof value === 'symbol')
    throw new TypeError(`${context} is a ${typeof value}, which is no number`);
  return Number(value);
}

/** Modulo 2 to the power of `bits`, as without an extended attribute. */
const integer =
  (bits, signed = false) =>
  (value, context) => {
    const given = Math.trunc(number(value, context));
    if (!Number.isFinite(given)) return 0;
    const span = 2 ** bits;
    const remainder = ((given % span) + span) % span;
    return signed && remainder >= span / 2 ? remainder - span : remainder;
  };

/** [EnforceRange] */
const enforced = (least, most) => (value, context) => {
  const given = Math.trunc(number(value, context));
  if (!(given >= least && given <= most)) throw new TypeError(`${context} is outside of ${least} to ${most}`);
  return given + 0; // no -0
};

const nullable = (type) => (value, context) => (value === null || value === undefined ? null : type(value, context));

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

function object(value, context) {
  if (!isObject(value)) throw new TypeError(`${context} is no object`);
  return value;
}

const enumeration = (...values) => {
  const convert = (value, context) => {
    const text = DOMString(value, context);
    if (!values.includes(text)) throw new TypeError(`${context} is "${text}", none of ${values.join(', ')}`);
    return text;
  };
  return Object.assign(convert, { values });
};

function iterate(value, method, type, context) {
  const result = [];
  const iterator = object(Reflect.apply(method, value, []), context);
  for (let step; !(step = object(iterator.next(), context)).done;)
    result.push(type(step.value, `${context}[${result.length}]`));
  return result;
}

const sequence = (type) => (value, context) => {
  const method = isObject(value) ? value[Symbol.iterator] : undefined;
  if (typeof method !== 'function') throw new TypeError(`${context} is no sequence`);
  return iterate(value, method, type, context);
};

/** (T or sequence<T>) */
const oneOrMore = (type) => (value, context) => {
  const method = isObject(value) ? value[Symbol.iterator] : undefined;
  return method === undefined || method === null ? type(value, context) : iterate(value, method, type, context);
};

const callback = (value, context) => {
  if (typeof value !== 'function') throw new TypeError(`${context} is no function`);
  return value;
};

const required = (type) => ({ type, required: true });
const withDefault = (type, value) => ({ type, value: typeof value === 'function' ? value : () => value });
const optional = (type, value) => ({ type, optional: true, value });

/** members: name → a converter, required(converter) or withDefault(converter, value or a function that makes it) */
function dictionary(members, parent = () => ({})) {
  const ordered = Object.keys(members)
    .sort()
    .map((name) => ({ name, ...(typeof members[name] === 'function' ? { type: members[name] } : members[name]) }));
  return (value, context) => {
    if (value !== undefined && value !== null && !isObject(value)) throw new TypeError(`${context} is no dictionary`);
    const result = parent(value, context);
    for (const member of ordered) {
      const given = value === undefined || value === null ? undefined : value[member.name];
      if (given !== undefined) result[member.name] = member.type(given, `${context}: ${member.name}`);
      else if (member.required) throw new TypeError(`${context}: ${member.name} is missing`);
      else if (member.value !== undefined) result[member.name] = member.value();
    }
    return result;
  };
}

// ---------------------------------------------------------------------------------------------------------------- brands

/** Puts a private member on any object: the implementation behind a public face. */
class Behind extends function (face) {
  return face;
} {
  #implementation;
  constructor(face, implementation) {
    super(face);
    this.#implementation = implementation;
  }
  static has = (face) => isObject(face) && #implementation in face;
  static of = (face) => face.#implementation;
}

/** The implementation of an interface's object; TypeError for anything else. */
function implementationOf(face, Interface) {
  if (Behind.has(face) && face instanceof Interface) return Behind.of(face);
  throw new TypeError(`Illegal invocation: this is no ${Interface.name}`);
}

/** Tells a constructor that it is called from in here. */
const INSIDE = Symbol('inside');

/** An object of an interface, with or without a public constructor, before the implementation given. */
function faceOf(Interface, implementation) {
  const face = new Interface(INSIDE);
  new Behind(face, implementation);
  return (implementation.face = face);
}

const instance = (get) => (value, context) => {
  const Interface = get();
  if (!Behind.has(value) || !(value instanceof Interface)) throw new TypeError(`${context} is no ${Interface.name}`);
  return value;
};

// ------------------------------------------------------------------------------------------------------------ interfaces

function convertArguments(types, given, context) {
  const needed = lengthOf(types);
  if (given.length < needed)
    throw new TypeError(`${context}: ${needed} argument${needed > 1 ? 's' : ''} needed, ${given.length} given`);
  return types.map((type, index) => {
    const value = given[index];
    const convert = typeof type === 'function' ? type : type.type;
    if (value !== undefined || typeof type === 'function') return convert(value, `${context}: argument ${index + 1}`);
    return type.value === undefined ? undefined : convert(type.value(), context);
  });
}

const lengthOf = (types) => types.filter((type) => typeof type === 'function').length;

function operation(name, types, call) {
  const method = {
    [name](...given) {
      return call(this, given);
    },
  }[name];
  return Object.defineProperty(method, 'length', { value: lengthOf(types) });
}

/** What the callbacks throw is reported, as all that callbacks throw. */
function tell(promise, success, failure) {
  const report = (call) => (value) => {
    try {
      call(value);
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  };
  promise.then(report(success), report(failure));
}

const accessor = (name, get, set) => ({
  get: Object.defineProperty(get, 'name', { value: `get ${name}` }),
  set: set && Object.defineProperty(set, 'name', { value: `set ${name}` }),
  enumerable: true,
  configurable: true,
});

const member = (value) => ({ value, enumerable: true, writable: true, configurable: true });

/**
 * The interface object of an interface:
 *
 *   parent       what it inherits from: EventTarget, or another class whose constructor takes no arguments
 *   constructs   [arguments] of its constructor; without it, the constructor is illegal
 *   make         (…converted arguments) → the implementation
 *   readonly     names of attributes: the implementation's members of these names
 *   attributes   name → converter. One with `values` (an enumeration) ignores others
 *   methods      name → [arguments]
 *   promises     name → [arguments], of operations that return a promise
 *   withCallbacks  name → where in the arguments two callbacks may stand, in place of the promise
 *   statics      name → { types, call }, of such operations of the interface object
 *   handlers     types of events for which there is an on… attribute
 *
 * Arguments are converters, or optional(converter[, () => default]).
 */
function defineInterface(
  name,
  {
    parent,
    constructs,
    make,
    readonly = [],
    attributes = {},
    methods = {},
    promises = {},
    withCallbacks = {},
    statics = {},
    handlers = [],
  },
) {
  const construct = (given, face) => {
    if (given[0] === INSIDE) return;
    if (!constructs) throw new TypeError(`Illegal constructor of ${name}`);
    const implementation = make(...convertArguments(constructs, given, name));
    new Behind(face, implementation);
    implementation.face = face;
  };
  const Interface = parent
    ? {
        [name]: class extends parent {
          constructor() {
            super();
            construct(arguments, this);
          }
        },
      }[name]
    : {
        [name]: class {
          constructor() {
            construct(arguments, this);
          }
        },
      }[name];
  const { prototype } = Interface;
  const of = (face) => implementationOf(face, Interface);
  Object.defineProperty(Interface, 'length', { value: constructs ? lengthOf(constructs) : 0 });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const key of readonly) {
    Object.defineProperty(
      prototype,
      key,
      accessor(key, function () {
        return of(this)[key];
      }),
    );
  }
  for (const [key, type] of Object.entries(attributes)) {
    Object.defineProperty(
      prototype,
      key,
      accessor(
        key,
        function () {
          return of(this)[key];
        },
        function (value) {
          const implementation = of(this);
          if (type.values && !type.values.includes(DOMString(value, `${name}.${key}`))) return;
          implementation[key] = type(value, `${name}.${key}`);
        },
      ),
    );
  }
  for (const [key, types] of Object.entries(methods)) {
    Object.defineProperty(
      prototype,
      key,
      member(
        operation(key, types, (face, given) => {
          const implementation = of(face);
          return implementation[key](...convertArguments(types, given, `${name}.${key}`));
        }),
      ),
    );
  }
  for (const [key, types] of Object.entries(promises)) {
    const context = `${name}.${key}`;
    const at = withCallbacks[key];
    Object.defineProperty(
      prototype,
      key,
      member(
        operation(key, types, async (face, given) => {
          const implementation = of(face);
          if (at === undefined || typeof given[at] !== 'function')
            return implementation[key](...convertArguments(types, given, context));
          const callbacks = given.splice(at, 2);
          tell(
            implementation[key](...convertArguments(types, given, context)),
            ...convertArguments([callback, callback], callbacks, context),
          );
        }),
      ),
    );
  }
  for (const [key, { types, call }] of Object.entries(statics)) {
    const method = operation(key, types, async (_, given) => call(...convertArguments(types, given, `${name}.${key}`)));
    Object.defineProperty(Interface, key, member(method));
  }
  for (const type of handlers) defineHandler(prototype, type, of);
  return Interface;
}

// ----------------------------------------------------------------------------------------------------------------- events

/** An event handler attribute (HTML section 8.1.8.1): listens from when it is first set, in that place. */
function defineHandler(prototype, type, of) {
  const handlers = new WeakMap();
  Object.defineProperty(
    prototype,
    `on${type}`,
    accessor(
      `on${type}`,
      function () {
        of(this);
        return handlers.get(this)?.value ?? null;
      },
      function (value) {
        of(this);
        const given = isObject(value) ? value : null;
        let handler = handlers.get(this);
        if (given === null) {
          if (handler) this.removeEventListener(type, handler.listener);
          handlers.delete(this);
          return;
        }
        if (handler) {
          handler.value = given;
          return;
        }
        handler = { value: given, listener: null };
        handler.listener = function (event) {
          if (typeof handler.value === 'function' && Reflect.apply(handler.value, this, [event]) === false)
            event.preventDefault();
        };
        handlers.set(this, handler);
        this.addEventListener(type, handler.listener);
      },
    ),
  );
}

const EventInit = dictionary({
  bubbles: withDefault(boolean, false),
  cancelable: withDefault(boolean, false),
  composed: withDefault(boolean, false),
});

/** An event interface. members: as of a dictionary; all are attributes, null where nothing was given. */
function defineEvent(name, members) {
  const Init = dictionary(members, EventInit);
  const isRequired = Object.values(members).some((one) => one.required);
  const values = new WeakMap();
  const Interface = {
    [name]: class extends Event {
      constructor(type) {
        const needed = isRequired ? 2 : 1;
        if (arguments.length < needed)
          throw new TypeError(`${name}: ${needed} arguments needed, ${arguments.length} given`);
        const text = DOMString(type, `${name}: argument 1`);
        const init = Init(arguments[1], `${name}: argument 2`);
        super(text, init);
        values.set(this, init);
      }
    },
  }[name];
  Object.defineProperty(Interface, 'length', { value: isRequired ? 2 : 1 });
  Object.defineProperty(Interface.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const key of Object.keys(members)) {
    Object.defineProperty(
      Interface.prototype,
      key,
      accessor(key, function () {
        const init = values.get(this);
        if (init === undefined) throw new TypeError(`Illegal invocation: this is no ${name}`);
        return init[key] ?? null;
      }),
    );
  }
  return Interface;
}

module.exports = {
  DOMString,
  USVString,
  any,
  boolean,
  callback,
  defineEvent,
  defineInterface,
  dictionary,
  enforced,
  enumeration,
  faceOf,
  implementationOf: (face) => Behind.of(face),
  instance,
  integer,
  isObject,
  nullable,
  object,
  oneOrMore,
  optional,
  required,
  sequence,
  withDefault,
};
